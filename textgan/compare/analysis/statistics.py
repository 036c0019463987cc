"""What can be said of a difference that was measured over a few seeds, and what cannot.

Runs of one seed share data, batches and, where they can, the pre-trained start: so differences are paired. A p-value is
exact, by changing signs of the differences (Fisher's randomisation test), which presumes nothing of their distribution;
with n seeds it is never below 2 / 2^n. Intervals are by the bootstrap. Several differences at once are corrected by
Holm's method. A difference counts only where the corrected p-value is small *and* the interval leaves zero out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Verdict = Literal["better", "worse", "equivalent", "no difference found", "not enough seeds"]
DRAWS = 10_000
"""Bootstrap replications; and random sign changes where all of them would be too many."""


@dataclass(frozen=True)
class Difference:
    """A paired difference, first minus second.

    Args:
        each: one a seed.
        mean: over seeds.
        low, high: bootstrap interval of the mean at the level asked for.
        p: two-sided, exact.
        detectable: the smallest true difference that this many seeds, with this spread, would have shown in 4 of 5
            cases; inf where too few seeds could show none.
    """

    each: tuple[float, ...]
    mean: float
    low: float
    high: float
    p: float
    detectable: float


def paired(first: Sequence[float], second: Sequence[float], level: float = 0.1, seed: int = 0) -> Difference:
    """The difference of two methods over the same seeds.

    Args:
        first, second: a number for each seed, in the same order.
        level: 1 - the interval's confidence, and the error that `detectable` allows for.

    Raises:
        ValueError: if they are not equally many, or none, or not all finite.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"paired numbers are needed, one for each seed; found {len(first)} and {len(second)}")
    each = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if not np.isfinite(each).all():
        raise ValueError("a difference is not finite; leave diverged runs out and say so")
    low, high = interval(each, level, seed)
    return Difference(tuple(each.tolist()), float(each.mean()), low, high, sign_test(each), detectable(each, level))


def sign_test(each: Floats) -> float:
    """The share of all sign changes of the differences whose mean is at least as far from zero, two-sided."""
    if len(each) < 2 or not each.any():
        return 1.0
    found = stats.permutation_test(
        (each,), np.mean, permutation_type="samples", n_resamples=DRAWS, rng=np.random.default_rng(0)
    )
    return float(found.pvalue)


def interval(each: Floats, level: float, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap of the mean over seeds, widened for their small number by sqrt(n / (n - 1)).

    Of few numbers the plain bootstrap is too narrow, since its variance is that of the sample, not of the population.
    A single seed has no interval: it is everything.
    """
    count = len(each)
    if count < 2:
        return -math.inf, math.inf
    rows = np.random.default_rng(seed).integers(count, size=(DRAWS, count))
    means = each[rows].mean(1)
    centre = each.mean()
    low, high = np.quantile(means, [level / 2, 1 - level / 2])
    wider = math.sqrt(count / (count - 1))
    return float(centre + wider * (low - centre)), float(centre + wider * (high - centre))


def detectable(each: Floats, level: float, power: float = 0.8) -> float:
    """The true difference that a paired t-test at that level finds with that probability, given the spread here."""
    count = len(each)
    if count < 2 or smallest_p(count) > level:
        return math.inf
    freedom = count - 1
    spread = each.std(ddof=1) / math.sqrt(count)
    return float((stats.t.ppf(1 - level / 2, freedom) + stats.t.ppf(power, freedom)) * spread)


def smallest_p(seeds: int) -> float:
    """The smallest two-sided p-value that so many seeds can give."""
    return min(1.0, 2.0 ** (1 - seeds))


def seeds_needed(comparisons: int, level: float) -> int:
    """The fewest seeds with which the clearest of so many differences could count."""
    return math.ceil(1 + math.log2(max(1, comparisons) / level))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected p-values (Holm 1979): as small as they may be so that any false one among them is rare."""
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(len(p_values))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return [float(p) for p in corrected]


def verdict(difference: Difference, p: float, level: float, margin: float, comparisons: int = 1) -> Verdict:
    """What may be said of the first of two methods; a higher number is better.

    Args:
        p: corrected for all comparisons.
        margin: a difference below it is of no interest, and an interval inside it is equivalence.
        comparisons: how many there are, to say whether so few seeds could have shown anything.
    """
    outside = difference.low > 0 or difference.high < 0
    if p <= level and outside:
        return "better" if difference.mean > 0 else "worse"
    if len(difference.each) > 1 and -margin <= difference.low and difference.high <= margin:
        return "equivalent"
    if smallest_p(len(difference.each)) * comparisons > level:
        return "not enough seeds"
    return "no difference found"
