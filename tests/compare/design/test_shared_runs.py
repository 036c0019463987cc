from __future__ import annotations

from textgan.compare.design.shared_runs import equivalent, origins
from textgan.recipe import Recipe


def test_blocks_that_no_turn_uses_do_not_matter(recipes: list[Recipe]) -> None:
    one, two = (r.changed(r.name, {"phases": {"pretrain-d": None, "adversarial": None}}) for r in recipes)
    assert one.filled["loss"] != two.filled["loss"]
    assert equivalent(two, {"one": one}) == "one"


def test_other_training_is_not_equivalent(recipes: list[Recipe]) -> None:
    one, two = recipes
    assert equivalent(two, {"one": one}) == "", "another loss"
    assert equivalent(one, {}) == ""
    longer = one.changed("longer", {"phases": {"adversarial": {"rounds": 3}}})
    assert equivalent(longer, {"one": one}) == "", "more rounds"
    fewer = one.changed("fewer", {"phases": {"adversarial": None}})
    assert equivalent(fewer, {"one": one}) == equivalent(one, {"fewer": fewer}) == "", "fewer phases"


def test_a_method_starts_at_the_end_of_the_common_phases(recipes: list[Recipe]) -> None:
    found = origins({"one": recipes[0], "two": recipes[1]}, {"one": (), "two": ()})
    assert found == {"two": {"method": "one", "global_round": 6}}


def test_the_method_with_the_most_common_phases_is_used(recipes: list[Recipe]) -> None:
    one, two = recipes
    longer = two.changed("longer", {"phases": {"adversarial": {"rounds": 3}}})
    every = {"one": one, "two": two, "longer": longer}
    assert origins(every, dict.fromkeys(every, ()))["longer"]["method"] == "two"


def test_budgeted_phases_are_not_counted(recipes: list[Recipe]) -> None:
    every = {"one": recipes[0], "twin": recipes[0]}
    rounds = [
        origins(every, {"one": phases, "twin": phases})["twin"]["global_round"]
        for phases in ((), ("adversarial",), ("pretrain-d", "adversarial"))
    ]
    assert rounds == [9, 7, 6]
    assert origins(every, dict.fromkeys(every, ("pretrain-g", "pretrain-d", "adversarial"))) == {}


def test_different_beginnings_share_nothing(recipes: list[Recipe]) -> None:
    other = recipes[1].changed("two", {"phases": {"pretrain-g": {"rounds": 5}}})
    assert origins({"one": recipes[0], "two": other}, {"one": (), "two": ()}) == {}
