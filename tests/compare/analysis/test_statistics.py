"""Tests the statistics against brute force, and their error rates in simulations."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from textgan.compare.analysis.statistics import (
    detectable,
    holm,
    interval,
    paired,
    seeds_needed,
    sign_test,
    smallest_p,
    verdict,
)


@pytest.mark.parametrize("seed", range(5))
def test_p_value_is_the_share_of_all_sign_changes(seed: int) -> None:
    each = np.random.default_rng(seed).normal(0.5, 1, 6)
    means = [abs(np.mean(each * signs)) for signs in itertools.product([1, -1], repeat=6)]
    expected = np.mean(np.asarray(means) >= abs(each.mean()) - 1e-12)
    assert sign_test(each) == pytest.approx(expected)


def test_p_value_is_smallest_if_all_signs_agree() -> None:
    for count in (2, 3, 5, 6, 8):
        each = np.arange(1, count + 1, dtype=float)
        assert sign_test(each) == pytest.approx(smallest_p(count))
    assert smallest_p(5) == 0.0625
    assert seeds_needed(1, 0.1) == 5
    assert seeds_needed(3, 0.1) == 6
    assert seeds_needed(1, 0.05) == 6


def test_equal_numbers_have_no_difference() -> None:
    found = paired([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert verdict(found, found.p, 0.1, margin=0.01) == "equivalent"


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_verdicts() -> None:
    better = paired([5.1, 5.2, 5.0, 5.3, 5.2, 5.1], [4.1, 4.0, 4.1, 4.2, 4.0, 4.1])
    assert verdict(better, better.p, 0.1, 0.1) == "better"
    worse = paired(list(np.negative(better.each)), [0.0] * 6)
    assert verdict(worse, worse.p, 0.1, 0.1) == "worse"
    few = paired([5.1, 5.2, 5.0], [4.1, 4.0, 4.1])
    assert verdict(few, few.p, 0.1, 0.1) == "not enough seeds"
    assert math.isinf(few.detectable)
    assert verdict(better, holm([better.p] * 4)[0], 0.1, 0.1, comparisons=4) == "not enough seeds"
    unclear = paired([1.0, -1.0, 2.0, -2.0, 1.5, -1.0], [0.0] * 6)
    assert verdict(unclear, unclear.p, 0.1, 0.1) == "no difference found"
    alone = paired([1.0], [0.0])
    assert verdict(alone, alone.p, 0.1, 10.0) == "not enough seeds"


def test_false_positive_rate_is_at_most_alpha() -> None:
    """With five seeds and an alpha of 0.1, for several symmetric distributions."""
    rng = np.random.default_rng(0)
    for sample in (rng.normal, rng.standard_cauchy, lambda size: rng.exponential(size=size) - np.log(2)):
        signs = rng.choice([-1, 1], (400, 5))
        wrong = 0
        for row in sample(size=(400, 5)) * signs:
            found = paired(row.tolist(), [0.0] * 5)
            wrong += verdict(found, found.p, 0.1, 0.0) in ("better", "worse")
        assert wrong / 400 <= 0.1


def test_interval_has_about_its_nominal_coverage() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for row in rng.normal(1.0, 1.0, (400, 8)):
        low, high = interval(row, 0.1)
        covered += low <= 1 <= high
    assert 0.8 < covered / 400 < 0.97


def test_detectable_difference_is_detected_at_its_rate() -> None:
    rng = np.random.default_rng(0)
    size = detectable(rng.normal(0, 1, 2000)[:8], 0.1)
    assert 0.3 < size < 2.5
    assert detectable(rng.normal(0, 1, 64), 0.1) < 0.5
    hits = sum(sign_test(row) <= 0.1 for row in rng.normal(0.95, 1.0, (200, 8)))
    assert 0.65 < hits / 200 < 0.95


def test_unpaired_and_infinite_numbers_are_rejected() -> None:
    with pytest.raises(ValueError, match="paired"):
        paired([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        paired([math.inf, 1.0], [1.0, 2.0])
