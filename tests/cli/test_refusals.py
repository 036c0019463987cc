"""What people will try, and what they are told: one sentence, nothing lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

NAN = "nan is no number"


def test_a_control_cannot_leave_its_folder(textgan, recipe, tmp_path):
    code, _, told = textgan("run", recipe, "controls={../../x: {reward: constant}}", "--out", tmp_path / "a/b/run")
    assert code == 2
    assert "is no name for a control; write letters, digits, dashes and underscores" in told
    assert not (tmp_path / "a").exists()


def test_only_a_file_extends(textgan, recipe):
    code, _, told = textgan("check", recipe, "extends=mle")
    assert code == 2
    assert "only a file extends another recipe; name mle in its place" in told


def test_a_turn_in_short_can_be_set(textgan, recipe):
    assert textgan("check", recipe, "phases.adversarial.turns.1.times=3")[0] == 0
    assert "is none of its places" in textgan("check", recipe, "phases.adversarial.turns.².times=3")[2]


@pytest.mark.parametrize(
    ("text", "told"),
    [("data: {name: te\0xt}", "not YAML"), ("a: " + "[" * 3000, "nested"), ("a: " + "1" * 5000, "read")],
)
def test_a_recipe_that_cannot_be_read_is_named(textgan, tmp_path, text, told):
    file = tmp_path / "odd.yaml"
    file.write_text(text, encoding="utf-8")
    code, _, said = textgan("check", file)
    assert code == 2
    assert "odd.yaml" in said
    assert told in said


def test_what_cannot_be_built_leaves_no_folder(textgan, recipe, tmp_path):
    code, _, told = textgan("run", recipe, "device=banana", "--out", tmp_path / "run")
    assert code == 2
    assert "banana" in told
    assert not (tmp_path / "run").exists()


def test_a_measurement_that_fails_loses_no_training(textgan, recipe, tmp_path):
    code, _, told = textgan("run", recipe, "checkpoint.best=nonsense", "--out", tmp_path / "run")
    assert code == 2
    assert "no metric gives nonsense" in told
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["000003"]


@pytest.mark.parametrize(("option", "value"), [("--temperature", "nan"), ("--top-p", "nan")])
def test_nan_is_no_number(textgan, finished, option, value):
    for command in ("sample", "evaluate"):
        code, _, told = textgan(command, finished, option, value)
        assert code == 2
        assert NAN in told


def test_a_device_that_is_not_there(textgan, finished):
    code, _, told = textgan("sample", finished, "--device", "banana")
    assert code == 2
    assert 'device "banana" is not to be had here' in told


@pytest.mark.parametrize("name", ["environment.json", "data.json", "summary.json"])
def test_a_damaged_file_of_a_run_is_named(textgan, finished, tmp_path, name):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / name).write_text('{"half', encoding="utf-8")
    code, _, told = textgan("run", "--resume", tmp_path / "run")
    assert code == 2
    assert f"{name} cannot be read or is damaged" in told


def test_a_damaged_checkpoint_says_where_to_go_on_from(textgan, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run/samples/notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "run/checkpoints/000005/weights.safetensors").write_bytes(b"0" * 99)
    code, _, told = textgan("run", "--resume", tmp_path / "run")
    assert code == 2
    assert "delete that folder to go on from 000003" in told
    shutil.rmtree(tmp_path / "run/checkpoints/000005")
    assert textgan("run", "--resume", tmp_path / "run")[0] == 0


def test_what_to_do_next_names_the_plugin(textgan, recipe, tmp_path):
    plugin = tmp_path / "brief.py"
    plugin.write_text(
        "import textgan\n\n\n@textgan.scorer('brief')\ndef brief(texts):\n    return [1.0 for _ in texts]\n",
        encoding="utf-8",
    )
    out = tmp_path / "run"
    code, told, _ = textgan("run", recipe, "--plugin", plugin, "reward=brief", "--no-controls", "--out", out)
    assert code == 0
    assert f"--plugin {plugin} -n 20" in told
    assert json.loads((out / "environment.json").read_text())["components"]["reward brief"].startswith("brief.py")


@pytest.mark.parametrize(
    ("plot", "told"), [("x.txt", "is written as svg, png or pdf"), ("nowhere/x.svg", "there is no folder")]
)
def test_a_plot_that_cannot_be_written_is_refused_before_the_work(textgan, tmp_path, plot, told):
    code, _, said = textgan("lab", "reinforce", "--plot", tmp_path / plot)
    assert code == 2
    assert told in said


def test_a_comparison_that_goes_on_takes_nothing_else(textgan, tmp_path):
    code, _, told = textgan("compare", "--resume", tmp_path, "--seeds", 9, "--temperatures", "1", "--quick")
    assert code == 2
    assert "leave out --seeds, --temperatures, --quick" in told


@pytest.mark.parametrize("temperatures", ["1,nan", "1,inf", "0,1"])
def test_temperatures_are_finite(textgan, recipe, tmp_path, temperatures):
    code, _, told = textgan("compare", recipe, "--temperatures", temperatures, "--out", tmp_path / "out")
    assert code == 2
    assert "all of them above 0 and finite" in told


def test_methods_whose_names_are_alike_have_files_of_their_own(recipe: Path, tmp_path: Path) -> None:
    from textgan import recipe as recipes
    from textgan.compare.design.plan import Settings, make_plan

    named = [recipes.load(recipe).named(name) for name in ("t", "t-constant", "t constant", "t-start", "t")]
    plan = make_plan(named, Settings(seeds=1), tmp_path / "out")
    assert len({plan.home(method.name, 0) for method in plan.methods}) == len(plan.methods)
    assert len({method.recipe for method in plan.methods}) == len(plan.methods)
