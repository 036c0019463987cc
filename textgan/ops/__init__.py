"""Operations with more than one implementation: one file each, with a plain PyTorch form beside the fast one."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.ops.device import DeviceProfile as DeviceProfile
    from textgan.ops.device import assume as assume
    from textgan.ops.device import describe as describe
    from textgan.ops.categorical import inverse_cdf as inverse_cdf
    from textgan.ops.categorical import sample_weights as sample_weights

__getattr__, __dir__, __all__ = lazy_exports(__name__)
