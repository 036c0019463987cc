from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from textgan.compare.analysis.results import _points
from textgan.compare.design.plan import Settings, make_plan, quick_settings, read
from textgan.core.errors import UserError
from textgan.recipe import Recipe, load


def test_every_variant_gets_its_controls(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(seeds=2), tmp_path / "out")
    names = [method.name for method in plan.methods]
    assert names == [
        "one",
        "one: start",
        "one: early",
        "one: continued",
        "one: constant",
        "one: best of 4",
        "two",
        "two: best of 4",
    ]
    two = plan.method("two")
    assert (two.start, two.constant) == ("one: start", "one: constant"), "equal controls are run once"
    assert len(plan.jobs()) == 16


def test_a_common_beginning_is_run_once(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(seeds=1), tmp_path / "out")
    assert plan.origins == {
        name: {"method": "one", "global_round": 6} for name in ("one: start", "one: continued", "one: constant", "two")
    }
    assert plan.origin(plan.method("two"), 0) == plan.home("one", 0) / "run/checkpoints/000006"
    assert plan.requirements(plan.method("one"), 0) == []


def test_a_budget_counts_the_phases_after_the_start(recipes: list[Recipe], tmp_path: Path) -> None:
    unlimited = make_plan(recipes, Settings(seeds=1), tmp_path / "unlimited")
    plan = make_plan(recipes, Settings(seeds=1, budget={"tokens": 100}), tmp_path / "out")
    counted = {method.name: plan.budget(method).phases for method in plan.methods if not method.best_of}
    assert counted == {
        "one": {"pretrain-d", "adversarial"},
        "one: start": set(),
        "one: early": set(),
        "one: continued": {"adversarial"},
        "one: constant": {"adversarial"},
        "two": {"pretrain-d", "adversarial"},
    }
    assert plan.budget(plan.method("one")).amounts == {"tokens": 100}
    assert not any(unlimited.budget(method).phases for method in unlimited.methods)
    assert quick_settings(plan.settings).budget == {"tokens": 10}


def test_no_run_starts_at_a_checkpoint_that_depends_on_a_budget(recipes: list[Recipe], tmp_path: Path) -> None:
    """Both recipes train identically to the end, but the round at which a budget ends them is unknown in advance."""
    twins = [recipes[0], recipes[0].changed("twin", {"batch_size": 4, "evaluate": {"samples": 21}})]
    rounds = {
        bool(budget): make_plan(twins, Settings(1, budget=budget), tmp_path / str(budget)).origins["twin"][
            "global_round"
        ]
        for budget in ({}, {"updates": 3})
    }
    assert rounds == {False: 9, True: 6}


def test_a_saved_plan_can_be_read(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(seeds=3, temperatures=(0.7, 1.0)), tmp_path / "out")
    again = read(tmp_path / "out")
    assert again.methods == plan.methods
    assert again.origins == plan.origins
    assert list(again.settings.temperatures) == [0.7, 1.0]
    assert again.recipe(again.method("two"), 2).filled["seed"] == 2


def test_a_recipe_given_twice_becomes_two_variants(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan([recipes[0], recipes[0]], Settings(), tmp_path / "out")
    assert [m.name for m in plan.methods if not m.control] == ["one", "one (2)"]
    assert plan.origins["one (2)"] == {"method": "one", "global_round": 9}


def test_quick_settings_shorten_the_phases(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, quick_settings(Settings()), tmp_path / "out")
    assert plan.settings.seeds == 2
    assert plan.recipe(plan.method("one"), 0).filled["phases"]["pretrain-g"]["rounds"] == 1


def test_a_single_recipe_is_compared_with_its_controls(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes[:1], Settings(), tmp_path / "out")
    assert {m.variant for m in plan.methods} == {"one"}
    assert {"start", "constant"} <= {m.control for m in plan.methods}


def test_invalid_comparisons_are_rejected(recipes: list[Recipe], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="RECIPES: no recipe given"):
        make_plan([], Settings(), tmp_path / "out")
    other = load(recipes[1].file, ["data.name=grammar", "data.sentences=100"])
    with pytest.raises(UserError, match=r"^data\.name: one and two differ in data .*add data\.name=\.\.\."):
        make_plan([recipes[0], other], Settings(), tmp_path / "out")
    with pytest.raises(UserError, match=r"not a comparison; expected a folder that contains comparison\.json"):
        read(tmp_path)


def test_a_recipe_without_an_adversary_has_no_controls(recipes: list[Recipe], tmp_path: Path) -> None:
    alone = recipes[0].changed("mle", {"phases": {"pretrain-d": None, "adversarial": None}})
    plan = make_plan([alone, recipes[1]], Settings(), tmp_path / "out")
    assert plan.method("two").start == "mle", "the variant is also the start of the other one"
    assert not any(m.variant == "mle" and m.control for m in plan.methods)


@pytest.mark.parametrize("first", [0, 1])
def test_a_variant_that_is_a_start_counts_as_likelihood_training(
    first: int, recipes: list[Recipe], tmp_path: Path
) -> None:
    """In both orders of the two recipes."""
    mle = recipes[0].changed("mle", {"phases": {"pretrain-d": None, "adversarial": None}})
    order = [mle, recipes[0]] if first == 0 else [recipes[0], mle]
    plan = make_plan(order, Settings(seeds=1), tmp_path / "out")
    points = [{"temperature": 1.0}]
    measured = {method.name: {0: SimpleNamespace(points=points)} for method in plan.methods}
    union = _points(plan, measured)["likelihood training (best)"]  # type: ignore[arg-type]
    assert len(union[0]) == 3, "start, early and continued"
