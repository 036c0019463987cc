"""Trackers that recipes can name."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.training.trackers.tensorboard import TensorBoard as TensorBoard

__getattr__, __dir__, __all__ = lazy_exports(__name__)
