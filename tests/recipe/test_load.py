"""Loading: files and settings become a checked recipe with every default."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.recipes import SMALL, problems, write_recipe

from textgan.core.errors import UserError
from textgan.recipe import RecipeError, bundled, load
from textgan.recipe.load import from_tree, write
from textgan.recipe.schema import KEYS


def test_the_filled_recipe_is_complete_and_loads_to_itself(tmp_path: Path) -> None:
    first = load(write_recipe(tmp_path, SMALL))
    again = load(write_recipe(tmp_path, first.yaml(), "filled.yaml"))
    assert again.filled == first.filled
    assert first.filled["estimator"] == {
        "name": "rollout", "rollouts": 2, "baseline": "leave_one_out", "reduction": "mean", "update_rate": None,
        "entropy": 0.0, "rescale": "none", "steepness": 16.0,
    }  # fmt: skip
    assert first.filled["reward"] == {"name": "adversarial"}
    assert first.filled["phases"]["second"]["turns"]["discriminator"]["updates"] == {"discriminator": "discriminator"}
    assert first.filled["phases"]["second"]["turns"]["discriminator"]["times"] == 2
    assert first.filled.keys() == set(KEYS) - {"extends"}


@pytest.mark.parametrize("name", sorted(bundled()))
def test_every_bundled_recipe_is_valid_and_loads_to_itself(name: str, tmp_path: Path) -> None:
    recipe = load(name)
    assert recipe.filled["phases"]
    assert load(write_recipe(tmp_path, recipe.yaml())).filled == recipe.filled
    assert load(write_recipe(tmp_path, recipe.given_yaml())).filled == recipe.filled


def test_settings_override_the_file(tmp_path: Path) -> None:
    settings = ["seed=7", "estimator.rollouts=5", "phases.second.turns.discriminator.times=4", "phases.first=null"]
    filled = load(write_recipe(tmp_path, SMALL), settings).filled
    assert filled["seed"] == 7
    assert filled["estimator"]["rollouts"] == 5
    assert list(filled["phases"]) == ["second"]
    assert filled["phases"]["second"]["turns"]["discriminator"]["times"] == 4


def test_another_name_starts_its_block_anew(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, SMALL)
    filled = load(file, ["estimator.baseline=none", "estimator.name=reinforce"]).filled
    assert filled["estimator"] == {"name": "reinforce", "baseline": "none", "reduction": "mean", "entropy": 0.0}
    filled = load(file, ["data.path=a.txt", "data.name=text"]).filled
    assert filled["data"]["name"] == "text"
    assert filled["data"]["path"] == "a.txt"


def test_a_recipe_that_extends_another_holds_only_differences(tmp_path: Path) -> None:
    write_recipe(tmp_path, SMALL, "base.yaml")
    child = "extends: base.yaml\nestimator: {rollouts: 9}\nphases:\n  first: {rounds: 5}\n"
    filled = load(write_recipe(tmp_path, child)).filled
    assert filled["estimator"]["rollouts"] == 9
    assert filled["generator"]["hidden_dim"] == 8
    assert filled["phases"]["first"]["rounds"] == 5
    assert list(filled["phases"]) == ["first", "second"]
    renamed = load(write_recipe(tmp_path, "extends: base.yaml\nestimator: reinforce\n")).filled
    assert renamed["estimator"]["name"] == "reinforce"


def test_text_over_the_same_text_stays_text(tmp_path: Path) -> None:
    write_recipe(tmp_path, SMALL + "device: cpu\n", "base.yaml")
    assert load(write_recipe(tmp_path, "extends: base.yaml\ndevice: cpu\n")).filled["device"] == "cpu"


def test_recipes_that_extend_each_other_are_rejected(tmp_path: Path) -> None:
    write_recipe(tmp_path, "extends: mine.yaml\n", "other.yaml")
    with pytest.raises(UserError, match="extends this recipe in turn"):
        load(write_recipe(tmp_path, "extends: other.yaml\n"))


def test_settings_are_reported_as_from_the_command_line(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, SMALL)
    assert problems(file, "estimator.rollouts=0") == ["command line estimator.rollouts expected at least 1, found 0"]
    with pytest.raises(UserError, match="not a setting; expected key=value"):
        load(file, ["estimator.rollouts"])


def test_without_controls_settings_may_remove_what_they_change() -> None:
    settings = ["phases.adversarial=null", "phases.pretrain-d=null", "callbacks=[]"]
    with pytest.raises(RecipeError, match=r"controls\.constant-reward\.phases\.adversarial"):
        load("seqgan", settings)
    alone = load("seqgan", settings, controls=False)
    assert list(alone.filled["phases"]) == ["pretrain-g"]
    assert alone.filled["controls"] == {}


def test_a_control_is_a_recipe_of_its_own(tmp_path: Path) -> None:
    text = SMALL + "controls:\n  blind: {reward: constant, phases: {second: {turns: [adversarial]}}}\n"
    recipe = load(write_recipe(tmp_path, text))
    control = recipe.control("blind")
    assert control.name == "mine-blind"
    assert control.filled["reward"] == {"name": "constant", "value": 0.3}
    assert list(control.filled["phases"]["second"]["turns"]) == ["adversarial"]
    assert control.filled["controls"] == {}
    assert recipe.without_controls().filled == {**recipe.filled, "controls": {}}
    assert recipe.named("other").name == "other"


def test_a_changed_recipe_is_checked_again(tmp_path: Path) -> None:
    recipe = load(write_recipe(tmp_path, SMALL))
    assert recipe.changed("more", {"estimator": {"rollouts": 7}}).filled["estimator"]["rollouts"] == 7
    with pytest.raises(RecipeError, match="expected at least 1, found 0"):
        recipe.changed("none", {"estimator": {"rollouts": 0}})


def test_a_recipe_from_values(tmp_path: Path) -> None:
    tree = yaml.safe_load(SMALL.replace("1e-2", "0.01").replace("1e-3", "0.001"))
    assert from_tree("mine", tree).filled == load(write_recipe(tmp_path, SMALL)).filled
    with pytest.raises(RecipeError, match="mine: 1 problem"):
        from_tree("mine", {**tree, "loss": "bcee"})


def test_floats_are_written_such_that_every_yaml_reader_knows_them() -> None:
    text = write({"seed": 1, "optimizers": {"g": {"lr": 1e-5, "clip": float("inf"), "betas": (0.5, 0.9)}}})
    assert yaml.safe_load(text) == {
        "seed": 1,
        "optimizers": {"g": {"lr": 1e-5, "clip": float("inf"), "betas": [0.5, 0.9]}},
    }


@pytest.mark.parametrize(
    ("content", "message"), [("", "the file is empty"), ("- 1\n", "not a mapping"), ("\xff", "not UTF-8 text")]
)
def test_files_that_are_not_recipes(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=message):
        load(file)


def test_an_unknown_recipe_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match=r'recipe not found; .*did you mean "seqgan"'):
        load("seqgn")


def test_loading_imports_no_torch() -> None:
    program = "import sys; from textgan.recipe import load; load('seqgan'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
