"""Finds training that methods have in common, so that each part is run once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textgan.recipe import Recipe
from textgan.runs.builder import common_phases


def equivalent(recipe: Recipe, known: Mapping[str, Recipe]) -> str:
    """Returns the name of a method that trains the same generator in the same way, or "" if there is none.

    Args:
        recipe: the recipe to look for; its blocks that no turn uses may differ.
        known: method -> recipe.
    """
    return next((name for name, other in known.items() if _same(recipe, other)), "")


def origins(recipes: Mapping[str, Recipe], budgeted: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """Returns, for each method, the earlier one with the most phases in common.

    Args:
        recipes: method -> recipe, in order.
        budgeted: method -> its last phases that a budget may end early; they are not counted, since the round of their
            last checkpoint is not known in advance.

    Returns:
        method -> {"method", "global_round"}: the earlier method and the round at the end of the common phases. Methods
        without common phases are left out.
    """
    found: dict[str, dict[str, Any]] = {}
    names = list(recipes)
    for index, name in enumerate(names):
        limit = len(recipes[name].filled["phases"]) - len(budgeted[name])
        shared = {other: min(limit, common_phases(recipes[other], recipes[name])) for other in names[:index]}
        best = max(shared, key=lambda other: shared[other], default=None)
        if best is not None and shared[best]:
            phases = list(recipes[best].filled["phases"].values())[: shared[best]]
            found[name] = {"method": best, "global_round": sum(phase["rounds"] for phase in phases)}
    return found


def _same(one: Recipe, other: Recipe) -> bool:
    phases, other_phases = one.filled["phases"], other.filled["phases"]
    return (
        len(phases) == len(other_phases)
        and sum(phase["rounds"] for phase in phases.values()) == sum(p["rounds"] for p in other_phases.values())
        and common_phases(one, other) == len(phases)
    )
