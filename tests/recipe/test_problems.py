"""Locations of problems, and the error that lists them."""

from __future__ import annotations

import pytest

from textgan.recipe.problems import Location, Problem, RecipeError, article, dotted, nearest

LINE = Location("mine.yaml", 3)


@pytest.mark.parametrize(("location", "text"), [(LINE, "line 3"), (Location("", 0), "command line")])
def test_a_location_is_a_line_or_the_command_line(location: Location, text: str) -> None:
    assert str(location) == text


def test_a_path_is_written_as_in_overrides() -> None:
    assert dotted(("phases", "train", "turns", "generator")) == "phases.train.turns.generator"
    assert dotted(("callbacks", 0, "phase")) == "callbacks.0.phase"
    assert dotted(()) == ""


@pytest.mark.parametrize(("noun", "text"), [("estimator", "an estimator"), ("loss", "a loss")])
def test_articles(noun: str, text: str) -> None:
    assert article(noun) == text


def test_a_value_without_a_location_has_that_of_what_is_around_it() -> None:
    locations = {(): Location("mine.yaml", 1), ("a", "b"): LINE}
    assert nearest(("a", "b"), locations) == LINE
    assert nearest(("a", "b", "c", 1), locations) == LINE
    assert nearest(("a", "x"), locations) == Location("mine.yaml", 1)
    assert nearest(("a",), {}) is None


def test_problems_without_a_line_come_first_and_the_others_by_line() -> None:
    problems = [
        Problem(("estimator", "rollouts"), "expected at least 1, found 0", Location("mine.yaml", 12)),
        Problem(("loss",), "is missing"),
        Problem(("seed",), "expected a whole number", LINE),
    ]
    error = RecipeError("mine.yaml", problems)
    assert [p.path[0] for p in error.problems] == ["loss", "seed", "estimator"]
    assert str(error).splitlines() == [
        "mine.yaml: 3 problems",
        "               loss                is missing",
        "  line 3       seed                expected a whole number",
        "  line 12      estimator.rollouts  expected at least 1, found 0",
    ]


def test_one_problem_is_singular() -> None:
    assert str(RecipeError("mine.yaml", [Problem((), "not YAML", LINE)])).splitlines() == [
        "mine.yaml: 1 problem", "  line 3         not YAML"
    ]  # fmt: skip


def test_a_line_of_another_file_names_the_file() -> None:
    error = RecipeError("mine.yaml", [Problem(("a",), "x", Location("/home/me/recipes/base.yaml", 3))])
    assert "line 3 of recipes/base.yaml a  x" in str(error)


def test_long_paths_do_not_push_all_texts_to_the_right() -> None:
    long = ("phases", "a-very-long-name", "turns", "another-long-name", "updates")
    first, second = str(RecipeError("mine.yaml", [Problem(long, "x", LINE), Problem(("a",), "y", LINE)])).splitlines()[
        1:
    ]
    assert first.endswith(f"{dotted(long)}  x")
    assert second == f"  line 3       {'a':<48}  y"
