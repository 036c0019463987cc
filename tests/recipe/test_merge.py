"""Merging: files that extend others, short forms, named turns and settings of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.recipes import SMALL, problems, write_recipe

from textgan.core.errors import UserError
from textgan.recipe import RecipeError, load
from textgan.recipe.merge import bundled, merge, named_turns, override, read, resolve
from textgan.recipe.problems import Location

COMMAND_LINE = Location("", 0)
GAN = {
    "generator": {"objective": "adversarial", "batch_size": 512, "updates": {"generator": "policy"}},
    "discriminator": {"objective": "discriminate", "pool": 2560},
}


def merged_turns(below: Any, above: Any) -> Any:
    """Merges the turns of a phase."""
    base, changes = ({"phases": {"train": {"rounds": 5, "turns": turns}}} for turns in (below, above))
    return merge(base, {}, changes, {})[0]["phases"]["train"]["turns"]


def overridden(tree: dict[str, Any], *settings: str) -> dict[str, Any]:
    override(tree, {}, settings)
    return tree


# Trees


def test_mappings_are_merged_key_by_key_and_the_rest_is_replaced() -> None:
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 3}
    merged, _ = merge(below, {}, {"a": {"y": [3]}, "c": None}, {})
    assert merged == {"a": {"x": 1, "y": [3]}, "b": 3, "c": None}
    assert below == {"a": {"x": 1, "y": [1, 2]}, "b": 3}


def test_changes_are_copied() -> None:
    changes = {"a": {"x": [1]}}
    merged, _ = merge({}, {}, changes, {})
    merged["a"]["x"].append(2)
    assert changes == {"a": {"x": [1]}}


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        ({"name": "lstm", "layers": 2}, {"layers": 3}, {"name": "lstm", "layers": 3}),
        ({"name": "lstm", "layers": 2}, "lstm", {"name": "lstm", "layers": 2}),
        ({"name": "lstm", "layers": 2}, {"name": "lstm", "dropout": 0}, {"name": "lstm", "layers": 2, "dropout": 0}),
        ({"name": "lstm", "layers": 2}, {"name": "vae", "dropout": 0}, {"name": "vae", "dropout": 0}),
        ({"name": "lstm", "layers": 2}, "vae", "vae"),
        ({"name": "lstm", "layers": 2}, None, None),
        ("lstm", {"layers": 3}, {"name": "lstm", "layers": 3}),
        ("lstm", {"name": "vae"}, {"name": "vae"}),
        ("lstm", "lstm", "lstm"),
    ],
)
def test_a_block_keeps_its_options_as_long_as_it_keeps_its_component(below: Any, above: Any, expected: Any) -> None:
    assert merge({"generator": below}, {}, {"generator": above}, {})[0] == {"generator": expected}


def test_every_value_keeps_its_location() -> None:
    base, child = Location("base", 1), Location("child", 9)
    below = {("a",): base, ("a", "x"): base, ("a", "y"): base, ("b",): base, ("b", "x"): base}
    above = {("a",): child, ("a", "y"): child, ("b",): child}
    _, locations = merge({"a": {"x": 1, "y": 2}, "b": {"x": 1}}, below, {"a": {"y": 3}, "b": 1}, above)
    assert locations == {("a",): child, ("a", "x"): base, ("a", "y"): child, ("b",): child}


# Turns


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["likelihood"], {"likelihood": {"objective": "likelihood"}}),
        (["a", "b"], {"a": {"objective": "a"}, "b": {"objective": "b"}}),
        ([], {}),
        (["a", "a"], ["a", "a"]),
        (["a", {"objective": "b"}], ["a", {"objective": "b"}]),
        ({"a": None}, {"a": None}),
        (None, None),
        ("likelihood", "likelihood"),
    ],
)
def test_a_list_of_objectives_is_short_for_turns_of_their_names(value: Any, expected: Any) -> None:
    assert named_turns(value) == expected


def test_a_turn_is_merged_key_by_key() -> None:
    merged = merged_turns(GAN, {"generator": {"batch_size": 64}, "discriminator": {"times": 3}})
    assert merged == {
        "generator": {"objective": "adversarial", "batch_size": 64, "updates": {"generator": "policy"}},
        "discriminator": {"objective": "discriminate", "pool": 2560, "times": 3},
    }
    assert list(merged) == ["generator", "discriminator"], "turns are played in the order of the mapping"


def test_the_players_of_a_turn_are_merged_too() -> None:
    merged = merged_turns(GAN, {"generator": {"updates": {"estimator": "critic"}}})
    assert merged["generator"]["updates"] == {"generator": "policy", "estimator": "critic"}


@pytest.mark.parametrize("turn", [{"objective": "likelihood"}, "likelihood"])
def test_a_turn_with_another_objective_starts_anew(turn: Any) -> None:
    merged = merged_turns(GAN, {"generator": turn})
    assert merged["generator"] == turn
    assert merged["discriminator"] == GAN["discriminator"]


@pytest.mark.parametrize("turn", [{"objective": "adversarial"}, "adversarial", {}])
def test_a_turn_with_the_same_objective_keeps_its_options(turn: Any) -> None:
    assert merged_turns(GAN, {"generator": turn}) == GAN


def test_a_turns_name_is_its_objective_if_none_is_given() -> None:
    assert merged_turns(["likelihood"], {"likelihood": {"times": 2}}) == {
        "likelihood": {"objective": "likelihood", "times": 2}
    }
    assert merged_turns({"likelihood": {"times": 2}}, {"likelihood": "likelihood"}) == {
        "likelihood": {"objective": "likelihood", "times": 2}
    }
    assert merged_turns({"likelihood": {"times": 2}}, {"likelihood": "scheduled_sampling"}) == {
        "likelihood": "scheduled_sampling"
    }


def test_null_stays_to_remove_a_turn() -> None:
    assert merged_turns(GAN, {"discriminator": None}) == {**GAN, "discriminator": None}


def test_a_new_turn_is_played_last() -> None:
    assert list(merged_turns(GAN, {"likelihood": {"every": 5}})) == ["generator", "discriminator", "likelihood"]


def test_a_list_replaces_the_turns_below() -> None:
    assert merged_turns(GAN, ["likelihood"]) == ["likelihood"]
    assert merged_turns(["likelihood"], ["scheduled_sampling"]) == ["scheduled_sampling"]
    assert merged_turns({"likelihood": {"times": 2}}, ["likelihood"]) == ["likelihood"]


def test_a_mapping_over_a_list_is_merged_into_it() -> None:
    assert merged_turns(["adversarial", "discriminate"], {"discriminate": {"pool": 64}, "extra": "likelihood"}) == {
        "adversarial": {"objective": "adversarial"},
        "discriminate": {"objective": "discriminate", "pool": 64},
        "extra": "likelihood",
    }


def test_only_the_turns_of_phases_are_turns() -> None:
    """A component may have an option of that name."""
    merged, _ = merge({"generator": {"turns": {"a": {"x": 1}}}}, {}, {"generator": {"turns": {"a": {"y": 2}}}}, {})
    assert merged == {"generator": {"turns": {"a": {"x": 1, "y": 2}}}}


def test_turns_of_a_control_are_merged_like_those_of_a_recipe() -> None:
    below = {"controls": {"mine": {"phases": {"train": {"turns": ["likelihood"]}}}}}
    above = {"controls": {"mine": {"phases": {"train": {"turns": {"likelihood": {"times": 2}}}}}}}
    turns = merge(below, {}, above, {})[0]["controls"]["mine"]["phases"]["train"]["turns"]
    assert turns == {"likelihood": {"objective": "likelihood", "times": 2}}


def test_continued_likelihood_replaces_the_turns_of_the_game() -> None:
    """The control of seqgan must neither train the discriminator nor use its reward."""
    turns = load("seqgan").control("continued-mle").filled["phases"]["adversarial"]["turns"]
    assert list(turns) == ["likelihood"]
    assert list(load("scheduled_sampling").filled["phases"]["likelihood"]["turns"]) == ["scheduled_sampling"]


# Settings


def test_a_setting_changes_one_option_of_a_turn() -> None:
    turns = load("seqgan", ["phases.adversarial.turns.generator.batch_size=64"]).filled["phases"]["adversarial"][
        "turns"
    ]
    assert turns["generator"]["batch_size"] == 64
    assert turns["generator"]["updates"] == {"generator": "policy"}
    assert turns["discriminator"]["pool"] == 2560


def test_a_setting_gives_a_turn_another_objective() -> None:
    for setting in ("generator=likelihood", "generator.objective=likelihood", "generator={objective: likelihood}"):
        recipe = load("seqgan", [f"phases.adversarial.turns.{setting}"])
        turns = recipe.filled["phases"]["adversarial"]["turns"]
        assert turns["generator"] == {
            "objective": "likelihood", "times": 1, "every": 1, "updates": {"generator": "generator"}
        }, setting  # fmt: skip
        assert list(turns) == ["generator", "discriminator"], setting


def test_a_setting_of_a_turns_objective_comes_before_its_options() -> None:
    for order in (1, -1):
        settings = ["phases.adversarial.turns.generator=likelihood", "phases.adversarial.turns.generator.times=4"][
            ::order
        ]
        turn = load("seqgan", settings).filled["phases"]["adversarial"]["turns"]["generator"]
        assert (turn["objective"], turn["times"]) == ("likelihood", 4)


def test_a_setting_removes_or_adds_a_turn() -> None:
    tree = {"phases": {"train": {"rounds": 1, "turns": dict(GAN)}}}
    changed = overridden(tree, "phases.train.turns.discriminator=null", "phases.train.turns.likelihood.times=2")
    assert changed["phases"]["train"]["turns"] == {
        "generator": GAN["generator"], "discriminator": None, "likelihood": {"times": 2}
    }  # fmt: skip
    filled = load(
        "seqgan", ["phases.pretrain-g.turns.likelihood=null", "phases.pretrain-g.turns.scheduled_sampling={}"]
    )
    assert list(filled.filled["phases"]["pretrain-g"]["turns"]) == ["scheduled_sampling"]


def test_a_setting_of_a_turn_reaches_into_a_list() -> None:
    changed = overridden(
        {"phases": {"train": {"turns": ["likelihood", "adversarial"]}}}, "phases.train.turns.likelihood.times=2"
    )
    assert changed["phases"]["train"]["turns"] == {
        "likelihood": {"objective": "likelihood", "times": 2},
        "adversarial": {"objective": "adversarial"},
    }


def test_a_setting_replaces_all_turns() -> None:
    filled = load("seqgan", ["phases.adversarial.turns=[likelihood]"]).filled
    assert list(filled["phases"]["adversarial"]["turns"]) == ["likelihood"]


def test_another_name_clears_its_block_in_any_order() -> None:
    for order in (1, -1):
        tree = {"estimator": {"name": "rollout", "rollouts": 2}}
        settings = ("estimator.baseline=none", "estimator.name=reinforce")[::order]
        assert overridden(tree, *settings) == {"estimator": {"name": "reinforce", "baseline": "none"}}
        tree = {"estimator": {"name": "rollout", "rollouts": 2}}
        settings = ("estimator.baseline=none", "estimator=reinforce")[::order]
        assert overridden(tree, *settings) == {"estimator": {"name": "reinforce", "baseline": "none"}}


def test_the_last_of_two_settings_of_a_key_wins() -> None:
    assert overridden({}, "seed=1", "seed=2") == {"seed": 2}


def test_null_removes_what_was_set_before_it() -> None:
    assert overridden({}, "phases.a.rounds=1", "phases.a=null") == {"phases": {"a": None}}
    assert overridden({}, "phases.a=null", "phases.a.rounds=1") == {"phases": {"a": {"rounds": 1}}}


def test_settings_make_the_mappings_that_they_need() -> None:
    assert overridden({"generator": "lstm"}, "generator.layers=2", "evaluate.samples=5") == {
        "generator": {"name": "lstm", "layers": 2},
        "evaluate": {"samples": 5},
    }


def test_phases_keep_the_order_in_which_settings_name_them() -> None:
    tree = overridden(
        {}, "phases.b.rounds=1", "phases.b.turns=[likelihood]", "phases.a={rounds: 1}", "phases.a.evaluate=1"
    )
    assert list(tree["phases"]) == ["b", "a"]


def test_settings_are_located_on_the_command_line() -> None:
    line = Location("mine.yaml", 3)
    locations = {("estimator",): line, ("estimator", "name"): line, ("estimator", "rollouts"): line}
    override({"estimator": {"name": "rollout", "rollouts": 2}}, locations, ["estimator.rollouts=4", "loss.name=bce"])
    assert locations[("estimator", "rollouts")] == locations[("loss",)] == COMMAND_LINE
    assert locations[("estimator",)] == locations[("estimator", "name")] == line


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed", "seed: not a setting; expected key=value"),
        (".seed=1", "not a setting"),
        ("extends=seqgan", "only a file can extend another recipe; run seqgan instead"),
        ("callbacks.4.phase=x", "callbacks is a list of 1; expected a position from 0 to 0, found 4"),
        ("callbacks.x=1", "expected a position from 0 to 0, found x"),
        ("trackers.0=x", "trackers is a list of 0; expected the whole list, found 0"),
    ],
)
def test_malformed_settings_are_rejected(setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        overridden({"callbacks": [{"name": "warm_start"}], "trackers": []}, setting)


def test_an_unknown_turn_in_a_setting_is_answered_with_the_nearest() -> None:
    (found,) = problems("seqgan", "phases.adversarial.turns.generatr.batch_size=64")
    assert found == (
        'command line phases.adversarial.turns.generatr turn "generatr" has no objective; did you mean "generator"?'
    )


# Files


def test_a_recipe_is_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_recipe(tmp_path, SMALL)
    assert resolve(str(file)) == file
    assert resolve("mine.yaml", beside=tmp_path / "other.yaml") == file
    for name in ("paper/seqgan", "recipes/paper/seqgan.yaml", "paper/seqgan.yaml"):
        monkeypatch.chdir(tmp_path)
        assert resolve(name) == bundled()["paper/seqgan"]
    with pytest.raises(UserError, match="nothing: recipe not found; expected a file or the name of a bundled recipe"):
        resolve("nothing")


def test_a_file_is_merged_into_what_it_extends(tmp_path: Path) -> None:
    write_recipe(tmp_path, SMALL, "base.yaml")
    (tmp_path / "below").mkdir()
    middle = write_recipe(tmp_path, "extends: ../base.yaml\nseed: 1\nmax_len: 9\n", "below/middle.yaml")
    tree, locations = read(write_recipe(tmp_path, "extends: below/middle.yaml\nseed: 2\n"))
    assert (tree["seed"], tree["max_len"], tree["loss"]) == (2, 9, "bce")
    assert "extends" not in tree
    assert locations[("seed",)] == Location(str(tmp_path / "mine.yaml"), 2)
    assert locations[("max_len",)].line == 3
    assert middle.name in locations[("max_len",)].file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: [a]\n", "line 1 .*expected the file or the name of a recipe"),
        ("extends: mine.yaml\n", "mine.yaml extends this recipe in turn"),
    ],
)
def test_wrong_extends_are_rejected(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        read(write_recipe(tmp_path, text))


def test_a_folder_is_not_a_recipe(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path)
