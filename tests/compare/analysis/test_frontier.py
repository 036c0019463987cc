"""Tests frontiers and the gap between two of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textgan.compare.analysis import frontier
from textgan.compare.analysis.frontier import Frontier, Gap


def gap(first: Frontier, second: Frontier) -> Any:
    """Returns the gap as Any, since most tests read its fields without checking for None."""
    found: Gap | None = frontier.gap(first, second)
    return found


def test_dominated_points_are_excluded() -> None:
    found = Frontier.of([3, 1, 2, 2, 0.5], [1, 3, 2, 1.5, 2.5])
    assert found.diversity.tolist() == [1, 2, 3]
    assert found.quality.tolist() == [3, 2, 1]


def test_temperature_above_one_that_is_worse_on_both_axes_is_excluded() -> None:
    """nll_test is lowest at temperature 1: hotter samples are worse and, by likelihood, less diverse."""
    found = Frontier.of([-2.5, -2.0, -2.3], [-1.0, -2.0, -4.0])
    assert found.diversity.tolist() == [-2.5, -2.0]


def test_quality_is_interpolated_and_nan_beyond_the_highest_diversity() -> None:
    found = Frontier.of([1, 3], [5, 1])
    at = found.at(np.array([0.0, 1.0, 2.0, 3.0, 3.1]))
    assert at[:4].tolist() == [5, 5, 3, 1]
    assert np.isnan(at[4])


def test_gap_covers_the_common_diversities() -> None:
    one, other = Frontier.of([1, 3], [5, 1]), Frontier.of([2, 4], [2, 0])
    found = gap(one, other)
    assert (found.low, found.high) == (2, 3)
    assert found.mean == pytest.approx(((3 - 2) + (1 - 1)) / 2)
    assert gap(other, one).mean == pytest.approx(-found.mean)
    assert gap(one, one).mean == 0


def test_single_point_is_compared_at_its_own_diversity() -> None:
    one, point = Frontier.of([1, 3], [5, 1]), Frontier.of([2], [4])
    assert gap(point, one).mean == pytest.approx(1)


def test_more_diverse_of_two_disjoint_frontiers_is_ahead_only_if_better() -> None:
    one = Frontier.of([1, 3], [5, 1])
    better, worse = Frontier.of([9], [2]), Frontier.of([9], [0.5])
    assert gap(better, one).mean == pytest.approx(1)
    assert gap(one, better).mean == pytest.approx(-1)
    assert gap(worse, one) is None
    assert gap(one, worse) is None


def test_collapsed_model_is_not_ahead() -> None:
    """A model that generates one good sentence is better only at a diversity at which no other was measured."""
    healthy, collapsed = Frontier.of([-3, -2.5, -2], [-1.5, -2, -3]), Frontier.of([-9], [-0.5])
    assert gap(collapsed, healthy) is None
    assert gap(healthy, collapsed) is None


def test_empty_or_infinite_points_are_rejected() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Frontier.of([], [])
    with pytest.raises(ValueError, match="finite"):
        Frontier.of([np.inf], [1])


def test_point_dominated_by_a_distant_one_is_excluded() -> None:
    found = Frontier.of([3, 2, 1], [5, 1, 2])
    assert (found.diversity.tolist(), found.quality.tolist()) == ([3], [5])
