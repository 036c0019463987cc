"""Implements the operations that have a compiled form: one module each, with an equivalent form in plain PyTorch."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.ops.categorical import inverse_cdf as inverse_cdf
    from textgan.ops.categorical import sample_weights as sample_weights
    from textgan.ops.device import DeviceProfile as DeviceProfile
    from textgan.ops.device import assume as assume
    from textgan.ops.device import describe as describe

__getattr__, __dir__, __all__ = lazy_exports(__name__)
