"""Adversarial losses, as recipes name them."""

from typing import TYPE_CHECKING

from textgan.core.lazy import lazy_exports

if TYPE_CHECKING:
    from textgan.losses.bce import Bce as Bce
    from textgan.losses.hinge import Hinge as Hinge
    from textgan.losses.importance_weighted import ImportanceWeighted as ImportanceWeighted
    from textgan.losses.least_squares import LeastSquares as LeastSquares
    from textgan.losses.margin import Margin as Margin
    from textgan.losses.mmd import Mmd as Mmd
    from textgan.losses.relativistic import Relativistic as Relativistic
    from textgan.losses.wasserstein import Wasserstein as Wasserstein

__getattr__, __dir__, __all__ = lazy_exports(__name__)
