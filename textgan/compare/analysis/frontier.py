"""Compares quality at equal diversity: a model at several temperatures is a curve of quality against diversity.

A single value of a model says little, since a lower temperature raises quality at the expense of diversity (Caccia et
al. 2020, arXiv:1811.02549). A model is therefore represented by what it attains: for every diversity, the best quality
among points that are at least that diverse. Points on the line between two neighbouring frontier points are attained by
mixing samples of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GRID = 101
"""Diversities at which two frontiers are compared."""


@dataclass(frozen=True)
class Frontier:
    """The Pareto-optimal points of a model, from the least diverse to the most diverse.

    Args:
        diversity: [n] ascending; higher is more diverse.
        quality: [n] descending; higher is better.
    """

    diversity: Floats
    quality: Floats

    @classmethod
    def of(cls, diversity: Sequence[float], quality: Sequence[float]) -> Frontier:
        """Computes the frontier of measured points.

        Args:
            diversity: [n] in any order; higher is more diverse.
            quality: [n] in the same order; higher is better.

        Raises:
            ValueError: if there are no points, or one is not finite.
        """
        points = np.array([diversity, quality], dtype=np.float64)
        if not points.size or not np.isfinite(points).all():
            raise ValueError("a frontier needs at least one point, and all points must be finite")
        points = points[:, np.lexsort((points[1], points[0]))[::-1]]  # the most diverse first
        best = np.maximum.accumulate(points[1])
        kept = np.append(True, best[1:] > best[:-1])
        return cls(points[0, kept][::-1].copy(), points[1, kept][::-1].copy())

    def at(self, diversity: Floats) -> Floats:
        """Returns the best quality at each diversity or more, NaN above the model's highest diversity."""
        quality = np.interp(diversity, self.diversity, self.quality)  # constant below the lowest diversity
        return np.where(diversity <= self.diversity[-1], quality, np.nan)


@dataclass(frozen=True)
class Gap:
    """The difference in quality between two frontiers, first minus second.

    Args:
        mean: mean over the diversities that both reach.
        ahead: share of these diversities at which the first is better.
        low: lowest diversity compared.
        high: highest diversity compared.
    """

    mean: float
    ahead: float
    low: float
    high: float


def gap(first: Frontier, second: Frontier) -> Gap | None:
    """Computes the first frontier's quality minus the second's, at equal diversity, where both were measured.

    If every point of one model is more diverse than every point of the other, the more diverse model is ahead only if
    its quality is higher too.

    Returns:
        The gap, or None if the more diverse model is worse: its quality at a lower diversity is unknown.
    """
    high = min(first.diversity[-1], second.diversity[-1])
    low = max(first.diversity[0], second.diversity[0])
    at = np.linspace(min(low, high), high, GRID)
    difference = first.at(at) - second.at(at)
    sign = 1 if first.diversity[0] > second.diversity[0] else -1
    if low > high and sign * difference[0] <= 0:
        return None
    return Gap(float(difference.mean()), float((difference > 0).mean()), float(min(low, high)), float(high))
