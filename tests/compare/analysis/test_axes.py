"""Tests the choice of axes and their orientation."""

from __future__ import annotations

import math

import pytest

from textgan.compare.analysis.axes import AXES, HIGHER, Runs, axes, find_axes, frontier_of, oriented
from textgan.core.errors import UserError


def point(*names: str) -> dict[str, float]:
    return {"temperature": 1.0, **dict.fromkeys(names, 1.0)}


def test_first_common_pair_is_chosen() -> None:
    rich = {0: [point("nll_oracle", "nll_test", "bleu4", "self_bleu4")]}
    poor = {0: [point("bleu4", "self_bleu4", "nll_test")]}
    assert axes([rich]) == ("nll_oracle", "nll_test")
    assert axes([rich, poor]) == ("bleu4", "nll_test")


def test_pair_must_be_measured_at_every_temperature_and_seed() -> None:
    full, without = point("bleu4", "nll_test", "self_bleu4"), point("bleu4", "self_bleu4")
    assert axes([{0: [full, without]}]) == ("bleu4", "self_bleu4")
    assert axes([{0: [full], 1: [without]}]) == ("bleu4", "self_bleu4")


def test_only_usable_pairs_are_considered() -> None:
    runs = [{0: [point("nll_oracle", "nll_test", "bleu4", "self_bleu4")]}]
    assert axes(runs, [("bleu4", "self_bleu4"), ("nll_oracle", "nll_test")]) == ("bleu4", "self_bleu4")
    with pytest.raises(UserError, match=r"expected one of bleu4 with reverse_lm_score$"):
        axes(runs, [("bleu4", "reverse_lm_score")])


def test_missing_axes_and_missing_measurements_are_different_errors() -> None:
    runs = [{0: [point("unique")]}]
    assert find_axes(runs) is None
    with pytest.raises(UserError, match=r"evaluate\.metrics: no pair of a quality and a diversity metric"):
        axes(runs)
    assert find_axes([]) is None
    nothing: list[list[Runs]] = [[], [{}], [{0: []}]]
    for empty in nothing:
        with pytest.raises(UserError, match="no run of this comparison has been measured yet"):
            axes(empty)


def test_higher_is_better_after_orientation() -> None:
    assert oriented("bleu4", 0.3) == 0.3
    assert oriented("self_bleu4", 0.3) == -0.3
    assert oriented("nll_test", 2.0) == -2.0
    assert {quality for quality, _ in AXES} & HIGHER == {"bleu4"}
    assert not {diversity for _, diversity in AXES} & HIGHER


def test_frontier_is_oriented_and_excludes_infinite_points() -> None:
    points = [
        {"nll_oracle": 3.0, "nll_test": 2.0},
        {"nll_oracle": 2.0, "nll_test": 4.0},
        {"nll_oracle": math.inf, "nll_test": 1.0},
        {"nll_oracle": 1.0, "nll_test": math.nan},
    ]
    found = frontier_of(points, "nll_oracle", "nll_test")
    assert found is not None
    assert (found.diversity.tolist(), found.quality.tolist()) == ([-4, -2], [-2, -3])
    assert frontier_of(points[2:], "nll_oracle", "nll_test") is None
