"""Tests, intervals and verdicts for paired differences over a few seeds.

Runs of one seed share data, batches and, where possible, the pre-trained start, so differences are paired. P-values are
exact: they use all sign changes of the differences (Fisher's randomisation test), which assumes that under the null
hypothesis the differences are symmetric about zero, and nothing else of their distribution. With n seeds a p-value is
at least 2 / 2^n. Intervals are bootstrapped. P-values of several differences are corrected by Holm's method. A
difference is significant only if its corrected p-value is small *and* its interval excludes zero.
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
RESAMPLES = 10_000
"""Bootstrap resamples; also the number of random sign changes where all sign changes would be more than that."""


@dataclass(frozen=True)
class Difference:
    """A paired difference, first minus second.

    Args:
        each: difference for each seed.
        mean: mean over seeds.
        low: lower end of the mean's bootstrap interval, with confidence 1 - alpha.
        high: upper end of that interval.
        p: exact two-sided p-value.
        detectable: smallest true difference that this number of seeds, with this spread, detects in 4 of 5 cases;
            inf if there are too few seeds to detect any.
    """

    each: tuple[float, ...]
    mean: float
    low: float
    high: float
    p: float
    detectable: float


def paired(first: Sequence[float], second: Sequence[float], alpha: float = 0.1, seed: int = 0) -> Difference:
    """Computes the paired difference between two methods over the same seeds.

    Args:
        first: one number for each seed.
        second: the other method's numbers, in the same order.
        alpha: 1 - the interval's confidence, and the significance level that `detectable` assumes.
        seed: of the bootstrap.

    Raises:
        ValueError: if the numbers of values differ or are 0, or a value is not finite.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"expected paired numbers, one for each seed; found {len(first)} and {len(second)}")
    each = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if not np.isfinite(each).all():
        raise ValueError("a difference is not finite; exclude diverged runs and report them")
    low, high = interval(each, alpha, seed)
    return Difference(tuple(each.tolist()), float(each.mean()), low, high, sign_test(each), detectable(each, alpha))


def sign_test(each: Floats) -> float:
    """Computes the two-sided p-value: the share of all sign changes whose mean is at least as far from zero.

    Args:
        each: [seeds] paired differences.
    """
    if len(each) < 2 or not each.any():
        return 1.0
    found = stats.permutation_test(
        (each,), np.mean, permutation_type="samples", n_resamples=RESAMPLES, rng=np.random.default_rng(0)
    )
    return float(found.pvalue)


def interval(each: Floats, alpha: float, seed: int = 0) -> tuple[float, float]:
    """Computes the percentile bootstrap interval of the mean over seeds, widened by sqrt(n / (n - 1)).

    With few values the plain bootstrap interval is too narrow: it uses the variance of the sample, not the unbiased
    estimate of the population's. The interval of a single seed is infinite.

    Args:
        each: [n] values, one for each seed.
        alpha: 1 - confidence.
        seed: of the bootstrap.
    """
    count = len(each)
    if count < 2:
        return -math.inf, math.inf
    rows = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    means = each[rows].mean(1)
    center = each.mean()
    low, high = np.quantile(means, [alpha / 2, 1 - alpha / 2])
    factor = math.sqrt(count / (count - 1))
    return float(center + factor * (low - center)), float(center + factor * (high - center))


def detectable(each: Floats, alpha: float, power: float = 0.8) -> float:
    """Computes the true difference that a paired t-test detects with the given power, assuming the observed spread.

    Args:
        each: [n] paired differences.
        alpha: significance level.
        power: probability of detection.
    """
    count = len(each)
    if count < 2 or smallest_p(count) > alpha:
        return math.inf
    freedom = count - 1
    error = each.std(ddof=1) / math.sqrt(count)
    return float((stats.t.ppf(1 - alpha / 2, freedom) + stats.t.ppf(power, freedom)) * error)


def smallest_p(seeds: int) -> float:
    """Computes the smallest two-sided p-value that a number of seeds can give."""
    return min(1.0, 2.0 ** (1 - seeds))


def seeds_needed(comparisons: int, alpha: float) -> int:
    """Computes the fewest seeds with which one of `comparisons` corrected differences can be significant."""
    return math.ceil(1 + math.log2(max(1, comparisons) / alpha))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p-values for multiple comparisons (Holm 1979), which controls the family-wise error rate."""
    order = np.argsort(p_values, kind="stable")
    corrected = np.empty(len(p_values))
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return [float(p) for p in corrected]


def verdict(difference: Difference, p: float, alpha: float, margin: float, comparisons: int = 1) -> Verdict:
    """Returns the conclusion about the first of two methods, where a higher number is better.

    Args:
        difference: the paired difference.
        p: its p-value, corrected for all comparisons.
        alpha: significance level.
        margin: differences below it are irrelevant; an interval within it means equivalence.
        comparisons: number of comparisons, to find out whether this number of seeds can show any difference.
    """
    excludes_zero = difference.low > 0 or difference.high < 0
    if p <= alpha and excludes_zero:
        return "better" if difference.mean > 0 else "worse"
    if len(difference.each) > 1 and -margin <= difference.low and difference.high <= margin:
        return "equivalent"
    if smallest_p(len(difference.each)) * comparisons > alpha:
        return "not enough seeds"
    return "no difference found"
