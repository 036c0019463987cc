"""`textgan run`."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from support.fake_run import play

from textgan.cli.display.run_state import RunState
from textgan.recipe import bundled
from textgan.runs import runner
from textgan.runs.run_dir import RunDir
from textgan.runs.signals import Stopped


def test_dry_run_touches_nothing(textgan, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = textgan("run", recipe, "--dry-run", "--no-controls", "--seed", "7")
    assert code == 0
    assert "folder runs/tiny-DATE-TIME; 5 rounds in total\n" in out
    assert "continued-mle" not in out
    plan = json.loads(textgan("run", recipe, "--dry-run", "--json", "--out", "x")[1])
    assert plan["phases"] == {"pretrain-g": 3, "adversarial": 2}
    assert plan["folder"] == "x"
    assert sorted(tmp_path.rglob("*")) == before


def test_run_prints_table_samples_and_next_command(textgan, recipe, tmp_path):
    folder = tmp_path / "out"
    code, out, err = textgan("run", recipe, "--out", folder, "log.samples=3")
    assert code == 0
    assert "\x1b" not in out + err
    header = out.splitlines()[0].split()
    assert header == ["pretrain-g", "adversarial", "continued-mle"]
    assert "nll_test ↓" in out
    sentence = (
        "Controls start from the checkpoint at the end of pretrain-g: continued-mle changes phases.adversarial.turns"
    )
    assert sentence in " ".join(out.split())
    assert out.rstrip().endswith(f"next: textgan sample {folder} -n 20 --temperature 0.8")
    lines = err.splitlines()
    for start in (
        "pretrain-g: 3 rounds",
        "pretrain-g, round 3: nll_test",
        "pretrain-g finished in",
        "control continued-mle",
    ):
        assert sum(line.startswith(start) for line in lines) == 1, start


def test_run_as_json_is_one_document(textgan, recipe, tmp_path):
    code, out, err = textgan("run", recipe, "--out", tmp_path / "out", "--json", "--quiet", "--no-controls")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert list(result["columns"]) == ["pretrain-g", "adversarial"]
    assert result["better"]["nll_test"] == "lower"
    assert len(result["samples"]) == 8


def test_a_folder_that_is_taken_is_refused(textgan, recipe, finished):
    code, _, err = textgan("run", recipe, "--out", finished)
    assert code == 2
    assert f"textgan run --resume {finished}" in err


@pytest.mark.parametrize("extra", [["seqgan"], ["--seed", "0"], ["--no-controls"], ["--out", "x"], ["--dry-run"]])
def test_a_resumed_run_cannot_be_changed(textgan, finished, extra):
    code, out, err = textgan("run", "--resume", finished, *extra)
    assert (code, out) == (2, "")
    assert f"--resume={finished}: a resumed run cannot be changed; leave out" in err
    assert (extra[0] if extra[0].startswith("-") else "the recipe") in err


def test_resuming_a_finished_run_shows_its_result(textgan, finished):
    code, out, _ = textgan("run", "--resume", finished, "--json", "--quiet")
    assert code == 0
    assert list(json.loads(out)["columns"]) == ["pretrain-g", "adversarial", "continued-mle"]


def test_a_missing_recipe_lists_the_bundled_ones(textgan):
    code, _, err = textgan("run")
    assert code == 2
    assert "RECIPE is missing" in err
    for name in bundled():
        assert f"\n  {name} " in err


def test_a_setting_before_the_recipe_is_explained(textgan):
    code, out, err = textgan("run", "seed=3")
    assert (code, out) == (2, "")
    assert err == (
        "textgan: RECIPE=seed=3: is a setting; expected the recipe first, then its settings; "
        "write: textgan run seqgan seed=3\n"
    )


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_a_taken_folder_is_refused_before_training(textgan, recipe, tmp_path, arguments):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    code, out, _ = textgan("run", recipe, "--out", tmp_path / "full", *arguments)
    assert (code, out) == (2, "")
    assert [file.name for file in (tmp_path / "full").iterdir()] == ["notes.txt"]


def test_a_control_cannot_leave_its_folder(textgan, recipe, tmp_path):
    code, _, err = textgan("run", recipe, "controls={../../x: {reward: constant}}", "--out", tmp_path / "a/b/run")
    assert code == 2
    assert "controls.../../x  not a name for a control; expected letters, digits, dashes and underscores" in err
    assert not (tmp_path / "a").exists()


def test_a_run_that_cannot_be_built_leaves_no_folder(textgan, recipe, tmp_path):
    code, _, err = textgan("run", recipe, "device=banana", "--out", tmp_path / "run")
    assert code == 2
    assert err.startswith("textgan: device=banana: not available")
    assert not (tmp_path / "run").exists()


def test_a_failed_evaluation_loses_no_training(textgan, recipe, tmp_path):
    code, _, err = textgan("run", recipe, "checkpoint.best=nonsense", "--out", tmp_path / "run")
    assert code == 2
    assert "checkpoint.best=nonsense: not a metric of this recipe; expected one of nll_test" in err
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["000003"]


@pytest.mark.parametrize("name", ["environment.json", "data.json", "summary.json"])
def test_a_damaged_file_of_a_run_is_named(textgan, finished, tmp_path, name):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / name).write_text('{"half', encoding="utf-8")
    code, _, err = textgan("run", "--resume", tmp_path / "run")
    assert code == 2
    assert f"{name} cannot be read or is damaged" in err


def test_a_damaged_checkpoint_names_the_one_to_continue_from(textgan, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run/samples/notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "run/checkpoints/000005/weights.safetensors").write_bytes(b"0" * 99)
    code, _, err = textgan("run", "--resume", tmp_path / "run")
    assert code == 2
    assert f"delete {tmp_path / 'run/checkpoints/000005'} to continue from round 3" in err
    shutil.rmtree(tmp_path / "run/checkpoints/000005")
    assert textgan("run", "--resume", tmp_path / "run")[0] == 0


@pytest.fixture
def stopping(monkeypatch, tmp_path):
    """Makes `textgan run` stop with an exception, after a round of its reporter."""

    def arrange(stop: BaseException, started: bool) -> None:
        def start(recipe: object, folder: Path, reporter: RunState) -> None:
            if started:
                play(reporter, RunDir(tmp_path), ["a"])
            raise stop

        monkeypatch.setattr(runner, "start", start)

    return arrange


def test_a_saved_run_can_be_continued(textgan, recipe, tmp_path, stopping):
    stopping(Stopped(signal.SIGINT), True)
    code, out, err = textgan("run", recipe, "--out", tmp_path / "my run")
    assert (code, out) == (130, "")
    last = f"stopped after round 7 of adversarial; continue with: textgan run --resume '{tmp_path}/my run'"
    assert err.splitlines()[-1] == last


def test_an_immediate_stop_does_not_save(textgan, recipe, tmp_path, stopping):
    stopping(KeyboardInterrupt(), True)
    code, _, err = textgan("run", recipe, "--out", tmp_path / "run")
    assert code == 130
    assert (
        err.rstrip()
        .splitlines()[-1]
        .startswith("stopped immediately after round 7 of adversarial, without saving; continue")
    )


def test_a_stop_before_training_has_nothing_to_continue(textgan, recipe, tmp_path, stopping):
    stopping(KeyboardInterrupt(), False)
    code, out, err = textgan("run", recipe, "--out", tmp_path / "run")
    assert (code, out, err.strip()) == (130, "", "")
