"""Tests the red flags: each threshold from both sides, and which flags mean collapse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.planting import Values, curve

from textgan.compare.analysis import flags
from textgan.compare.analysis.results import results
from textgan.compare.design.plan import Plan


def with_values(**values: float) -> Values:
    return lambda seed: [{**point, **values} for point in curve(0.0)(seed)]


def texts_of(values: dict[str, float], before: dict[str, float] | None = None) -> list[str]:
    return [flag.text for flag in flags._flags_of(values, before)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"near_train": 0.5, "near_real_copied": 0.4}, "near copies of training sentences"),
        ({"repeated2": 0.3, "repeated2_test": 0.02}, "repeats word pairs"),
        ({"copied_train": 0.3, "real_copied": 0.2}, "copies training sentences"),
    ],
)
def test_rates_above_those_of_held_out_text_are_flagged(
    planted: Callable[..., Plan], values: dict[str, float], expected: str
) -> None:
    at_rate_of_real_text = with_values(**dict.fromkeys(values, min(values.values())))
    found = results(planted({"one": with_values(**values), "two": at_rate_of_real_text}))
    (flag,) = found.flags["one"]
    assert expected in flag.text
    assert not flag.collapse
    assert not found.flags["two"]


@pytest.mark.parametrize(
    ("rate", "of_real_text"),
    [("near_train", "near_real_copied"), ("repeated2", "repeated2_test"), ("copied_train", "real_copied")],
)
def test_rates_are_flagged_above_a_tolerance_and_only_next_to_that_of_real_text(rate: str, of_real_text: str) -> None:
    assert len(texts_of({rate: 0.26, of_real_text: 0.2})) == 1
    assert texts_of({rate: 0.24, of_real_text: 0.2}) == []
    assert texts_of({rate: 1.0}) == []


@pytest.mark.parametrize(("nll", "collapsed"), [(1.89, False), (1.80, True)])
def test_sampling_noise_below_the_entropy_is_not_collapse(nll: float, collapsed: bool) -> None:
    """Half of the oracle's own sample sets score below its entropy, by less than 1% of it."""
    found = list(flags._below_entropy({"nll_oracle": nll, "oracle_entropy": 1.902}))
    assert [flag.collapse for flag in found] == [True] * collapsed


def test_impossible_sentences_are_flagged() -> None:
    (text,) = texts_of({"oracle_impossible": 0.001})
    assert "nll_oracle is infinite" in text
    assert texts_of({"oracle_impossible": 0.0}) == []


@pytest.mark.parametrize(
    ("name", "start", "flagged", "fine", "collapse"),
    [
        ("unique", 0.8, 0.39, 0.41, True),
        ("entropy", 2.0, 0.99, 1.01, True),
        ("length_mean", 10.0, 7.4, 7.6, False),
        ("length_mean", 10.0, 12.6, 12.4, False),
    ],
)
def test_changes_since_the_start_are_flagged(
    name: str, start: float, flagged: float, fine: float, collapse: bool
) -> None:
    (flag,) = flags._flags_of({name: flagged}, {name: start})
    assert flag.collapse == collapse
    assert texts_of({name: fine}, {name: start}) == []
    assert texts_of({name: flagged}, None) == [], "without a start there is nothing to compare with"
    assert texts_of({name: flagged}, {name: 0.0}) == []


def test_start_is_not_compared_with_itself_and_a_variant_is_compared_seed_by_seed(planted: Callable[..., Plan]) -> None:
    def one(seed: int) -> list[dict[str, float]]:
        return [{**point, "unique": 0.2 if seed in (1, 3) else 0.9} for point in curve(0.0)(seed)]

    found = results(planted({"one": one, "two": curve(0.0), "one: start": curve(0.0, unique=0.9)}))
    assert [flag.text for flag in found.flags["one"]] == ["far fewer distinct samples than its start (seed 1, 3)"]
    assert not found.flags["one: start"]


def test_flag_of_all_seeds_does_not_list_them(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": with_values(oracle_impossible=0.1), "two": curve(0.0)}))
    (flag,) = found.flags["one"]
    assert "seed" not in flag.text
