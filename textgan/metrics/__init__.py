"""Evaluation metrics, as recipes name them."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.metrics.base import Evaluation as Evaluation
    from textgan.metrics.base import Metric as Metric

__getattr__, __dir__, __all__ = lazy_exports(__name__)
