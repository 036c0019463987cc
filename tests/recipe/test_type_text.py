"""Types of options are described in words, with their bounds."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from textgan.core.options import Fraction, PhaseName, PositiveInt, Probability
from textgan.recipe.type_text import describe_type


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "whole number"),
        (PositiveInt, "whole number, 1 or more"),
        (Fraction, "number from 0 to 1"),
        (Probability, "number from 0 to below 1"),
        (PositiveInt | None, "whole number, 1 or more; or null"),
        (list[PositiveInt], "list of whole numbers, each 1 or more"),
        (dict[str, float], "mapping from text to number"),
        (Any, "anything"),
        (Literal["mean", "sum"], "mean or sum"),
        (Literal["rank", False] | None, "rank or false or null"),
        (PhaseName, "a phase of the recipe"),
    ],
)
def test_types_are_described(kind: Any, text: str) -> None:
    assert describe_type(kind) == text
