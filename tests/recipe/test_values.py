"""Values against the types of options."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from textgan.core.options import Count, Fraction, Mapping, PositiveFloat, PositiveInt, Probability, Sequence
from textgan.recipe.values import problem


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, int),
        (3, float),
        (0.5, float),
        (0, Count),
        (1, PositiveInt),
        (1, Fraction),
        (0, Probability),
        ("a", str),
        ("a", Literal["a", "b"]),
        (None, int | None),
        ([1, 2], list[int]),
        ([1, 2], Sequence[int]),
        ([], list[int]),
        ({"a": 1}, Mapping[str, int]),
        (True, bool),
        (object(), Any),
    ],
)
def test_valid_values(value: Any, kind: Any) -> None:
    assert problem(value, kind) is None


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (True, int, "expected a whole number, found true"),
        (64.5, int, "expected a whole number, found 64.5"),
        ("12", int, 'expected a whole number, found the text "12"'),
        ("fast", float, 'expected a number, found the text "fast"'),
        (None, float, "expected a number, found null"),
        (-1, Count, "expected at least 0, found -1"),
        (0, PositiveInt, "expected at least 1, found 0"),
        (0, PositiveFloat, "expected a number above 0, found 0"),
        (1.5, Fraction, "expected at most 1, found 1.5"),
        (1, Probability, "expected a number below 1, found 1"),
        (0, PositiveInt | None, "expected at least 1, found 0"),
        ("x", PositiveInt | None, 'expected a whole number, found the text "x"'),
        (3, str, "expected text, found 3"),
        ("yes", bool, 'expected true or false, found the text "yes"'),
        ("c", Literal["a", "b"], 'expected "a" or "b", found the text "c"'),
        ("a", list[int], 'expected a list, found the text "a"'),
        ({"a": 1}, list[int], "expected a list, found a mapping"),
        ([1, "b"], list[int], 'expected a whole number, found the text "b"'),
        ([1], Mapping[str, int], "expected a mapping, found a list"),
        ({"a": "b"}, Mapping[str, int], 'expected a whole number, found the text "b"'),
    ],
)
def test_what_is_wrong_is_one_sentence(value: Any, kind: Any, message: str) -> None:
    assert problem(value, kind) == message


def test_an_annotation_that_cannot_be_hashed() -> None:
    kind = Literal[["a"]]  # type: ignore[valid-type]
    assert problem(3, dict[str, int] | int) is None
    try:
        assert problem("b", kind) is not None
    except Exception as error:
        pytest.fail(f"{type(error).__name__}: {error}")
