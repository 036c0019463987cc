"""The result of a run, printed at its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from textgan.cli.display.run_summary import SHOWN, last_samples, report, start_phases
from textgan.recipe import load
from textgan.runs.reporter import Result
from textgan.runs.run_dir import RunDir

COLUMNS = {"pretrain-g": {"nll_test": 2.5}, "adversarial": {"nll_test": 2.25}, "continued-mle": {"nll_test": 2.0}}


@pytest.fixture
def result(recipe: Path, tmp_path: Path) -> Result:
    """A result whose folder holds a recipe and two sets of samples."""
    folder = RunDir.create(tmp_path / "a run")
    folder.write("recipe.yaml", load(recipe).yaml())
    folder.write_samples(3, ["old"])
    folder.write_samples(5, [f"new {number}" for number in range(9)] + ["\x1b[31m"])
    return Result(folder.path, dict(COLUMNS), {"nll_test": "lower"}, ["bleu: \x1b"])


def test_all_parts_are_printed(result: Result, capsys: pytest.CaptureFixture[str]) -> None:
    report(result, False, [Path("my plugin.py")])
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0].split() == ["pretrain-g", "adversarial", "continued-mle"]
    assert lines[1].split() == ["nll_test", "↓", "2.500", "2.250", "2.000"]
    assert "bleu: \\x1b" in lines
    assert out.count("Controls start from the checkpoint at the end of pretrain-g: continued-mle changes ") == 1
    shown = [line.strip() for line in lines if line.startswith("  new")]
    assert shown == [f"new {number}" for number in range(SHOWN)]
    assert lines[-2] == str(result.folder)
    assert lines[-1] == (f"next: textgan sample '{result.folder}' --plugin 'my plugin.py' -n 20 --temperature 0.8")


def test_json_has_all_samples(result: Result, capsys: pytest.CaptureFixture[str]) -> None:
    report(result, True)
    document = json.loads(capsys.readouterr().out)
    assert document["columns"] == COLUMNS
    assert (document["better"], document["folder"]) == ({"nll_test": "lower"}, str(result.folder))
    assert document["signatures"] == ["bleu: \x1b"]
    assert document["samples"] == [*(f"new {number}" for number in range(9)), "\\x1b[31m"]


def test_without_controls_and_samples(result: Result, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (result.folder / "samples").iterdir():
        file.unlink()
    del result.columns["continued-mle"]
    report(result, False)
    out = capsys.readouterr().out
    assert "Controls" not in out
    assert "samples of the final model" not in out


def test_last_samples_are_those_of_the_latest_evaluation(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    assert last_samples(folder) == []
    folder.write_samples(99, ["a"])
    folder.write_samples(100, ["b", "c"])
    assert last_samples(folder) == ["b", "c"]


def test_controls_start_after_the_phases_that_they_share(recipe: Path) -> None:
    controls = "{later: {phases: {adversarial: {rounds: 1}}}, anew: {batch_size: 8}}"
    loaded = load(recipe, [f"controls={controls}"])
    assert start_phases(loaded, ["later", "anew"]) == {"later": "pretrain-g", "anew": None}


def test_the_next_command_names_the_plugin(textgan, recipe: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "brief.py"
    plugin.write_text(
        "import textgan\n\n\n@textgan.scorer('brief')\ndef brief(texts):\n    return [1.0 for _ in texts]\n",
        encoding="utf-8",
    )
    out = tmp_path / "run"
    code, printed, _ = textgan("run", recipe, "--plugin", plugin, "reward=brief", "--no-controls", "--out", out)
    assert code == 0
    assert f"--plugin {plugin} -n 20" in printed
    assert json.loads((out / "environment.json").read_text())["components"]["reward brief"].startswith("brief.py")
