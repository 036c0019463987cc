from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from textgan.compare.analysis.results import _points
from textgan.compare.design.plan import Settings, make_plan, quickly, read
from textgan.core.errors import UserError
from textgan.recipe import Recipe, load


def test_controls_stand_beside_every_variant_unasked(recipes: list[Recipe], tmp_path: Path) -> None:
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
    assert (two.start, two.constant) == ("one: start", "one: constant"), "what is the same is not run twice"
    assert len(plan.jobs()) == 16


def test_what_begins_alike_is_run_once(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(seeds=1), tmp_path / "out")
    assert plan.origins == {
        name: {"method": "one", "index": 6} for name in ("one: start", "one: continued", "one: constant", "two")
    }
    assert plan.origin(plan.method("two"), 0) == plan.home("one", 0) / "run/checkpoints/000006"
    assert plan.requires(plan.method("one"), 0) == []


def test_controls_do_as_many_steps_and_no_more_players(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(seeds=1), tmp_path / "out")

    def phases(name: str) -> dict[str, tuple[int, list[str]]]:
        filled = plan.recipe(plan.method(name), 0).filled["phases"]
        return {phase: (found["steps"], [t["objective"] for t in found["turns"]]) for phase, found in filled.items()}

    assert phases("one: start") == {"pretrain-g": (6, ["likelihood"])}
    assert phases("one: early") == {"pretrain-g": (2, ["likelihood"])}
    assert phases("one: continued") == {"pretrain-g": (6, ["likelihood"]), "adversarial": (2, ["likelihood"])}
    assert phases("one: constant") == {"pretrain-g": (6, ["likelihood"]), "adversarial": (2, ["adversarial"])}
    assert plan.recipe(plan.method("one: constant"), 0).filled["reward"]["name"] == "constant"
    assert plan.recipe(plan.method("one: best of 4"), 0).filled["decoding"]["n"] == 4


def test_a_budget_counts_what_lies_behind_the_start(recipes: list[Recipe], tmp_path: Path) -> None:
    free = make_plan(recipes, Settings(seeds=1), tmp_path / "free")
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
    assert not any(free.limit(method).phases for method in free.methods)
    assert quickly(plan.settings).budget == {"tokens": 10}


def test_nobody_sets_out_from_where_a_budget_may_end_another(recipes: list[Recipe], tmp_path: Path) -> None:
    """Two of one kind go the same way to the end, but where that is nobody knows before."""
    twins = [recipes[0], recipes[0].changed("twin", {"batch_size": 4, "evaluate": {"samples": 21}})]
    indices = {
        bool(budget): make_plan(twins, Settings(1, budget=budget), tmp_path / str(budget)).origins["twin"]["index"]
        for budget in ({}, {"steps": 3})
    }
    assert indices == {False: 9, True: 6}


def test_a_plan_is_read_as_it_was_written(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(seeds=3, temperatures=(0.7, 1.0)), tmp_path / "out")
    again = read(tmp_path / "out")
    assert again.methods == plan.methods
    assert again.origins == plan.origins
    assert list(again.settings.temperatures) == [0.7, 1.0]
    assert again.recipe(again.method("two"), 2).filled["seed"] == 2


def test_the_same_recipe_twice_is_two_variants(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan([recipes[0], recipes[0]], Settings(), tmp_path / "out")
    assert [m.name for m in plan.methods if not m.control] == ["one", "one (2)"]
    assert plan.origins["one (2)"] == {"method": "one", "index": 9}


def test_a_quick_look_is_short(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, quickly(Settings()), tmp_path / "out")
    assert plan.settings.seeds == 2
    assert plan.recipe(plan.method("one"), 0).filled["phases"]["pretrain-g"]["steps"] == 1


def test_one_recipe_is_compared_with_its_controls(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes[:1], Settings(), tmp_path / "out")
    assert {m.variant for m in plan.methods} == {"one"}
    assert {"start", "constant"} <= {m.control for m in plan.methods}


def test_what_cannot_be_compared_is_refused(recipes: list[Recipe], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name a recipe"):
        make_plan([], Settings(), tmp_path / "out")
    other = load(recipes[1].file, ["data.name=grammar", "data.sentences=100"])
    with pytest.raises(UserError, match=r"one and two differ in data .*data\.name=\.\.\."):
        make_plan([recipes[0], other], Settings(), tmp_path / "out")
    with pytest.raises(UserError, match="holds no comparison"):
        read(tmp_path)


def test_a_recipe_without_an_adversary_has_no_controls(recipes: list[Recipe], tmp_path: Path) -> None:
    alone = recipes[0].changed("mle", {"phases": {"pretrain-d": None, "adversarial": None}})
    plan = make_plan([alone, recipes[1]], Settings(), tmp_path / "out")
    assert plan.method("two").start == "mle", "the variant itself is the other one's start"
    assert not any(m.variant == "mle" and m.control for m in plan.methods)


def test_likelihood_goes_on_one_step_at_a_time(recipes: list[Recipe], tmp_path: Path) -> None:
    """However often the phase before played its turn in a round."""
    often = recipes[0].changed(
        "often", {"phases": {"pretrain-g": {"turns": [{"objective": "likelihood", "times": 5}]}}}
    )
    plan = make_plan([often], Settings(seeds=1), tmp_path / "out")
    (turn,) = plan.recipe(plan.method("often: continued"), 0).filled["phases"]["adversarial"]["turns"]
    assert (turn["times"], turn["every"]) == (1, 1)


@pytest.mark.parametrize("first", [0, 1])
def test_a_start_that_is_a_variant_counts_as_likelihood(first: int, recipes: list[Recipe], tmp_path: Path) -> None:
    """In whatever order the two are named."""
    mle = recipes[0].changed("mle", {"phases": {"pretrain-d": None, "adversarial": None}})
    order = [mle, recipes[0]] if first == 0 else [recipes[0], mle]
    plan = make_plan(order, Settings(seeds=1), tmp_path / "out")
    points = [{"temperature": 1.0}]
    measured = {method.name: {0: SimpleNamespace(points=points)} for method in plan.methods}
    union = _points(plan, measured)["likelihood training (best)"]  # type: ignore[arg-type]
    assert len(union[0]) == 3, "the start, the early one and the one that goes on"
