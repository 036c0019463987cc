from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from textgan.compare.design.controls import controls, phases_after_start
from textgan.compare.design.plan import Settings, make_plan
from textgan.recipe import Recipe


def names(recipe: Recipe) -> list[str]:
    return [name for name, _ in controls(recipe)]


def test_controls_have_equally_many_rounds_and_no_needless_turns(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(seeds=1), tmp_path / "out")

    def phases(name: str) -> dict[str, tuple[int, list[str]]]:
        filled = plan.recipe(plan.method(name), 0).filled["phases"]
        return {
            phase: (block["rounds"], [turn["objective"] for turn in block["turns"].values()])
            for phase, block in filled.items()
        }

    assert phases("one: start") == {"pretrain-g": (6, ["likelihood"])}
    assert phases("one: early") == {"pretrain-g": (2, ["likelihood"])}
    assert phases("one: continued") == {"pretrain-g": (6, ["likelihood"]), "adversarial": (2, ["likelihood"])}
    assert phases("one: constant") == {"pretrain-g": (6, ["likelihood"]), "adversarial": (2, ["adversarial"])}
    assert plan.recipe(plan.method("one: constant"), 0).filled["reward"]["name"] == "constant"
    assert plan.recipe(plan.method("one: best of 4"), 0).filled["decoding"]["n"] == 4


def test_continued_likelihood_training_has_one_update_a_round(recipes: list[Recipe], tmp_path: Path) -> None:
    """Also where the likelihood phase had several updates a round."""
    often = recipes[0].changed("often", {"phases": {"pretrain-g": {"turns": {"likelihood": {"times": 5}}}}})
    plan = make_plan([often], Settings(seeds=1), tmp_path / "out")
    (turn,) = plan.recipe(plan.method("often: continued"), 0).filled["phases"]["adversarial"]["turns"].values()
    assert (turn["times"], turn["every"]) == (1, 1)


def test_a_recipe_without_an_adversarial_phase_has_none(recipes: list[Recipe]) -> None:
    recipe = recipes[0].changed("mle", {"phases": {"pretrain-d": None, "adversarial": None}})
    assert names(recipe) == []
    assert phases_after_start(recipe) == []


def test_without_pre_training_only_the_constant_reward_applies(recipes: list[Recipe]) -> None:
    recipe = recipes[0].changed("scratch", {"phases": {"pretrain-g": None}})
    assert names(recipe) == ["constant"]
    assert phases_after_start(recipe) == ["pretrain-d", "adversarial"]


def test_a_differentiable_estimator_has_no_constant_reward(recipes: list[Recipe]) -> None:
    """A constant has no gradient, so there would be no update."""
    recipe = recipes[0].changed("relaxed", {"estimator": {"name": "gumbel_softmax"}})
    assert names(recipe) == ["start", "early", "continued"]


@pytest.mark.parametrize(
    ("turn", "updates"),
    [({}, 2), ({"times": 3}, 6), ({"every": 2}, 1), ({"times": 3, "every": 2}, 3), ({"every": 5}, 1)],
)
def test_continued_training_has_as_many_updates_as_the_adversarial_phase(
    turn: dict[str, Any], updates: int, recipes: list[Recipe]
) -> None:
    recipe = recipes[0].changed("one", {"phases": {"adversarial": {"turns": {"adversarial": turn}}}})
    changes = dict(controls(recipe))["continued"]
    assert changes["phases"]["adversarial"]["rounds"] == updates


def test_continued_training_updates_nothing_that_a_turn_of_the_same_name_updated(recipes: list[Recipe]) -> None:
    extra = {"updates": {"generator": "generator", "discriminator": "discriminator"}}
    recipe = recipes[0].changed("one", {"phases": {"adversarial": {"turns": {"likelihood": extra}}}})
    continued = recipe.changed("continued", dict(controls(recipe))["continued"])
    (turn,) = continued.filled["phases"]["adversarial"]["turns"].values()
    assert turn["updates"] == recipe.filled["phases"]["pretrain-g"]["turns"]["likelihood"]["updates"]


def test_early_has_at_least_one_round(recipes: list[Recipe]) -> None:
    recipe = recipes[0].changed("short", {"phases": {"pretrain-g": {"rounds": 2}}})
    assert dict(controls(recipe))["early"]["phases"]["pretrain-g"] == {"rounds": 1}


def test_phases_between_pre_training_and_the_adversarial_phase_are_after_the_start(recipes: list[Recipe]) -> None:
    assert phases_after_start(recipes[0]) == ["pretrain-d", "adversarial"]
