"""Defines types for components' options, which recipes are validated against before anything is built.

A component's options are the keyword arguments of its constructor. Their annotations are the recipe's schema:
`rollouts: PositiveInt = 16` rejects `rollouts: 0`. This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

Count = Annotated[int, Ge(0)]
"""An integer of at least 0."""
PositiveInt = Annotated[int, Ge(1)]
"""An integer of at least 1."""
PositiveFloat = Annotated[float, Gt(0)]
"""A number above 0."""
NonNegativeFloat = Annotated[float, Ge(0)]
"""A number of at least 0."""
Fraction = Annotated[float, Ge(0), Le(1)]
"""A number in [0, 1]."""
Probability = Annotated[float, Ge(0), Lt(1)]
"""A number in [0, 1), such as a dropout rate."""
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
