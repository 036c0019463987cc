"""Callbacks that recipes can name."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.training.callbacks.anneal import Anneal as Anneal
    from textgan.training.callbacks.base import Callback as Callback
    from textgan.training.callbacks.warm_start import WarmStart as WarmStart

__getattr__, __dir__, __all__ = lazy_exports(__name__)
