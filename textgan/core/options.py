"""Types for a component's options: what a recipe may write, checked before anything is built. No torch here.

A component's options are the keyword arguments of its constructor. Their annotations are the recipe's schema, so
`rollouts: PositiveInt = 16` is all that it takes to refuse `rollouts: 0`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

Count = Annotated[int, Ge(0)]
PositiveInt = Annotated[int, Ge(1)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Le(1)]
"""0 to 1, both included."""
Probability = Annotated[float, Ge(0), Lt(1)]
"""0 to 1, without 1: a dropout rate."""
PhaseName = Annotated[str, "a phase of the recipe"]
"""The name of one of the recipe's phases."""

__all__ = [
    "Annotated",
    "Any",
    "Count",
    "Fraction",
    "Ge",
    "Gt",
    "Le",
    "Literal",
    "Lt",
    "Mapping",
    "NonNegativeFloat",
    "PhaseName",
    "PositiveFloat",
    "PositiveInt",
    "Probability",
    "Sequence",
]
