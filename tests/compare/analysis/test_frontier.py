from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textgan.compare.analysis import frontier
from textgan.compare.analysis.frontier import Frontier, Gap


def gap(first: Frontier, second: Frontier) -> Any:
    """Loosely typed, since most of what is asked of it is there."""
    found: Gap | None = frontier.gap(first, second)
    return found


def test_what_another_point_beats_is_left_out() -> None:
    found = Frontier.of([3, 1, 2, 2, 0.5], [1, 3, 2, 1.5, 2.5])
    assert found.diversity.tolist() == [1, 2, 3]
    assert found.quality.tolist() == [3, 2, 1]


def test_a_temperature_above_one_that_loses_both_is_left_out() -> None:
    """nll_test is least at temperature 1: hotter samples are worse and, by likelihood, less diverse."""
    found = Frontier.of([-2.5, -2.0, -2.3], [-1.0, -2.0, -4.0])
    assert found.diversity.tolist() == [-2.5, -2.0]


def test_quality_at_a_diversity() -> None:
    found = Frontier.of([1, 3], [5, 1])
    at = found.at(np.array([0.0, 1.0, 2.0, 3.0, 3.1]))
    assert at[:4].tolist() == [5, 5, 3, 1]
    assert np.isnan(at[4])


def test_the_gap_is_taken_where_both_are() -> None:
    one, other = Frontier.of([1, 3], [5, 1]), Frontier.of([2, 4], [2, 0])
    found = gap(one, other)
    assert (found.low, found.high) == (2, 3)
    assert found.mean == pytest.approx(((3 - 2) + (1 - 1)) / 2)
    assert gap(other, one).mean == pytest.approx(-found.mean)
    assert gap(one, one).mean == 0


def test_a_single_point_is_compared_at_its_own_diversity() -> None:
    one, point = Frontier.of([1, 3], [5, 1]), Frontier.of([2], [4])
    assert gap(point, one).mean == pytest.approx(1)


def test_the_more_diverse_of_two_that_do_not_meet_has_to_be_better_as_well() -> None:
    one = Frontier.of([1, 3], [5, 1])
    better, worse = Frontier.of([9], [2]), Frontier.of([9], [0.5])
    assert gap(better, one).mean == pytest.approx(1)
    assert gap(one, better).mean == pytest.approx(-1)
    assert gap(worse, one) is None
    assert gap(one, worse) is None


def test_collapse_does_not_win() -> None:
    """A model that writes one good sentence is ahead only at a diversity that nobody else has been measured at."""
    healthy, collapsed = Frontier.of([-3, -2.5, -2], [-1.5, -2, -3]), Frontier.of([-9], [-0.5])
    assert gap(collapsed, healthy) is None
    assert gap(healthy, collapsed) is None


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Frontier.of([], [])
    with pytest.raises(ValueError, match="finite"):
        Frontier.of([np.inf], [1])


def test_a_point_is_left_out_however_far_away_the_one_is_that_beats_it() -> None:
    found = Frontier.of([3, 2, 1], [5, 1, 2])
    assert (found.diversity.tolist(), found.quality.tolist()) == ([3], [5])
