"""Quality against diversity: a model at several temperatures is a curve, and curves are compared at equal diversity.

One number of one model says little, since a lower temperature buys quality with diversity (Caccia et al. 2020,
arXiv:1811.02549). So a model is what it attains: for every diversity, the best quality at which it is at least that
diverse. Between two measured points that neither beats, what lies on the line is attained by mixing the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GRID = 101


@dataclass(frozen=True)
class Frontier:
    """The points that no other point of the model beats in both ways, from the least diverse to the most.

    Args:
        diversity: [n] ascending; higher is more diverse.
        quality: [n] descending; higher is better.
    """

    diversity: Floats
    quality: Floats

    @classmethod
    def of(cls, diversity: Sequence[float], quality: Sequence[float]) -> Frontier:
        """Of a model's measured points, in any order.

        Raises:
            ValueError: if there is none, or one is not finite.
        """
        points = np.array([diversity, quality], dtype=np.float64)
        if not points.size or not np.isfinite(points).all():
            raise ValueError("a frontier needs at least one point, and all of them finite")
        points = points[:, np.lexsort((points[1], points[0]))[::-1]]  # the most diverse first
        best = np.maximum.accumulate(points[1])
        kept = np.append(True, best[1:] > best[:-1])
        return cls(points[0, kept][::-1].copy(), points[1, kept][::-1].copy())

    def at(self, diversity: Floats) -> Floats:
        """The best quality at that diversity or more, NaN where the model is nowhere so diverse."""
        found = np.interp(diversity, self.diversity, self.quality)  # flat to the left, where diversity abounds
        return np.where(diversity <= self.diversity[-1], found, np.nan)


@dataclass(frozen=True)
class Gap:
    """How far one frontier is above another.

    Args:
        mean: difference of quality, on average over the diversities that both reach.
        ahead: share of these at which the first is better.
        low, high: the diversities.
    """

    mean: float
    ahead: float
    low: float
    high: float


def gap(first: Frontier, second: Frontier) -> Gap | None:
    """The first frontier's quality minus the second's, at equal diversity, where both have been measured.

    Where one is everywhere more diverse than the other, it is ahead if it is better, too; if it is worse, neither is:
    None, for one cannot say how good it would be if it were so narrow.
    """
    high = min(first.diversity[-1], second.diversity[-1])
    low = max(first.diversity[0], second.diversity[0])
    at = np.linspace(min(low, high), high, GRID)
    difference = first.at(at) - second.at(at)
    wider = 1 if first.diversity[0] > second.diversity[0] else -1
    if low > high and wider * difference[0] <= 0:
        return None
    return Gap(float(difference.mean()), float((difference > 0).mean()), float(min(low, high)), float(high))
