"""Small runs with their controls: results, resuming to the same bytes, and branches."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from support.runs import PRETRAINING, SMALL, result_files, small
from support.stopping import StopAt

from textgan import recipe
from textgan.core.errors import UserError
from textgan.runs import checkpoint, runner
from textgan.runs.api import scorer
from textgan.runs.builder import build
from textgan.runs.reporter import ProgressReporter
from textgan.runs.run_dir import RunDir
from textgan.runs.signals import Stopped


def test_the_summary_has_phases_and_controls(whole_run: Path) -> None:
    summary = json.loads((whole_run / "summary.json").read_text())
    assert list(summary["columns"]) == ["pretrain-g", "adversarial", "constant-reward", "continued-mle"]
    assert summary["better"]["nll_oracle"] == "lower"
    assert all({"nll_test", "nll_oracle", "grammatical", "bleu2"} <= set(c) for c in summary["columns"].values())


def test_controls_start_at_the_last_common_checkpoint(whole_run: Path) -> None:
    for name, start in (("constant-reward", 8), ("continued-mle", 8)):
        entries = RunDir(whole_run / "controls" / name).entries()
        assert min(e["global_round"] for e in entries) == start + 1
    constant = [e for e in RunDir(whole_run / "controls" / "constant-reward").entries() if e["kind"] == "train"]
    assert all(e["reward_mean"] == pytest.approx(0.3) for e in constant)


def test_the_same_recipe_gives_the_same_bytes(whole_run: Path, tmp_path: Path) -> None:
    runner.start(recipe.load(whole_run / "recipe.yaml"), tmp_path / "again")
    assert result_files(tmp_path / "again") == result_files(whole_run)


@pytest.mark.parametrize("global_round", [1, 6, 9])
def test_a_resumed_run_has_the_same_bytes(whole_run: Path, tmp_path: Path, global_round: int) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        runner.start(small(), folder, StopAt(global_round))
    assert RunDir(folder).saved()[-1].name == f"{global_round:06d}"
    runner.resume(folder)
    assert result_files(folder) == result_files(whole_run)


def test_a_plugin_that_draws_from_numpy_and_python_is_repeated_and_resumed_exactly(tmp_path: Path) -> None:
    @scorer("noisy")
    def noisy(texts: Sequence[str]) -> list[float]:
        return [np.random.randn() + random.gauss(0, 1) for _ in texts]

    settings = small("reward=noisy", "discriminator=null", "callbacks=[]", "phases.pretrain-d=null", "controls=null",
                     "phases.adversarial.turns.discriminator=null")  # fmt: skip
    found = []
    for name, before in (("whole", 1), ("again", 2)):
        random.seed(before)  # the process's earlier numbers have no effect
        np.random.seed(before)
        runner.start(settings, tmp_path / name)
        found.append(result_files(tmp_path / name))
    with pytest.raises(Stopped):
        runner.start(settings, tmp_path / "stopped", StopAt(8))
    np.random.seed(5)
    runner.resume(tmp_path / "stopped")
    assert found[0] == found[1] == result_files(tmp_path / "stopped")


class StopInControl(StopAt):
    """Stops the first control instead of the run itself."""

    def __init__(self, global_round: int) -> None:
        super().__init__(global_round)
        self.stopping = True

    def on_control_start(self, name: str) -> None:
        self.stopping = False


def test_a_run_stopped_in_a_control_and_resumed_has_the_same_bytes(whole_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        runner.start(small(), folder, StopInControl(10))
    assert RunDir(folder / "controls/constant-reward").saved()[-1].name == "000010"
    assert not (folder / "controls/continued-mle").exists()
    runner.resume(folder)
    assert result_files(folder) == result_files(whole_run)


@pytest.mark.parametrize("wait", [0.25, 0.4])
def test_a_run_killed_at_any_moment_and_resumed_has_the_same_bytes(
    whole_run: Path, tmp_path: Path, wait: float
) -> None:
    folder = tmp_path / "run"
    code = (
        "from pathlib import Path; import torch; from textgan import recipe; from textgan.runs import runner; "
        "torch.set_num_threads(1); "  # as in this process, since rounding depends on it
        f"runner.start(recipe.load('seqgan', {list(SMALL)!r}), Path({str(folder)!r}))"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not (folder / "metrics.jsonl").exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(wait)
    child.kill()
    child.wait()
    runner.resume(folder)
    assert result_files(folder) == result_files(whole_run)


def test_an_incomplete_line_of_metrics_is_deleted_on_resume(whole_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        runner.start(small(), folder, StopAt(9))
    with (folder / "metrics.jsonl").open("a") as stream:
        stream.write('{"global_round": 10, "phase": "adver')
    runner.resume(folder)
    assert result_files(folder) == result_files(whole_run)


class ResumeMeanwhile(ProgressReporter):
    """Lets a second process try to resume the run while it runs."""

    def __init__(self) -> None:
        self.second: subprocess.CompletedProcess[str] | None = None

    def on_checkpoint(self, path: Path) -> None:
        if self.second is None:
            command = [sys.executable, "-m", "textgan", "run", "--resume", str(path.parents[1])]
            self.second = subprocess.run(command, capture_output=True, text=True)


def test_a_second_process_cannot_resume_a_running_run(whole_run: Path, tmp_path: Path) -> None:
    reporter = ResumeMeanwhile()
    runner.start(small(), tmp_path / "run", reporter)
    assert reporter.second is not None
    assert reporter.second.returncode == 2
    assert "another process is running this run" in " ".join(reporter.second.stderr.split())
    assert result_files(tmp_path / "run") == result_files(whole_run)
    runner.resume(tmp_path / "run")  # once the first has ended, it can


def test_a_folder_with_a_run_is_not_overwritten(whole_run: Path) -> None:
    before = result_files(whole_run)
    with pytest.raises(UserError, match="holds a run; nothing was changed"):
        runner.start(small(), whole_run)
    assert result_files(whole_run) == before


def test_resume_reports_a_damaged_checkpoint_and_the_one_before(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        runner.start(small(), folder, StopAt(9))
    weights = folder / "checkpoints/000009/weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged.*delete .*000009 to continue from round 8"):
        runner.resume(folder)


def test_changed_data_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "lines.txt"
    text.write_text("".join(f"the {a} sees the {b} .\n" for a in "abcdefgh" for b in "abcdefgh"))
    folder = tmp_path / "run"
    sizes = ("data.sentences", "data.validation", "data.test")
    settings = [setting for setting in SMALL if not setting.startswith(sizes)]
    plain = recipe.load("seqgan", [*settings, "data.name=text", f"data.path={text}", "controls=null"])
    with pytest.raises(Stopped):
        runner.start(plain, folder, StopAt(3))
    text.write_text(text.read_text() + "the i sees the a .\n")
    with pytest.raises(UserError, match="data have changed since the run was started"):
        runner.resume(folder)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    runner.start(small("phases.adversarial=null", "controls=null"), tmp_path / "run")
    before = RunDir(tmp_path / "run").entries()
    runner.resume(tmp_path / "run")
    assert RunDir(tmp_path / "run").entries() == before


def test_a_run_killed_before_its_first_checkpoint_starts_anew(tmp_path: Path) -> None:
    """Its evaluation at the start is repeated, and recorded once."""

    class Die(ProgressReporter):
        def on_round_end(self, result: object) -> None:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        runner.start(small(*PRETRAINING, "evaluate.start=true"), tmp_path / "run", Die())
    runner.resume(tmp_path / "run")
    assert [entry["global_round"] for entry in RunDir(tmp_path / "run").entries()].count(0) == 1


def test_a_branch_killed_at_its_start_continues(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / "environment.json").write_text("{}", encoding="utf-8")
    runner.branch(small("controls=null").without_controls(), folder, None)
    assert (folder / "model/generator.safetensors").is_file()


@pytest.mark.parametrize("change", ["discriminator.filters=5", "discriminator.init=uniform"])
def test_a_branch_does_not_restore_players_that_differ(change: str, tmp_path: Path) -> None:
    """The two recipes have only likelihood training in common; the discriminator starts as its own recipe says."""
    first, other = (small("controls=null", *more).without_controls() for more in ((), (change,)))
    runner.branch(first, tmp_path / "first", None)
    run = build(other)
    initial = {name: value.clone() for name, value in run.modules["discriminator"].state_dict().items()}
    checkpoint.restore(run, RunDir(tmp_path / "first").checkpoint(6), of=first)
    restored = run.modules["discriminator"].state_dict()
    assert all(torch.equal(value, restored[name]) for name, value in initial.items())
    runner.branch(other, tmp_path / "other", RunDir(tmp_path / "first").checkpoint(6))
    assert (tmp_path / "other/model/generator.safetensors").is_file()


def test_a_control_with_another_decoding_alone_is_evaluated_and_saved(tmp_path: Path) -> None:
    run = small("checkpoint.best=nll_validation", "evaluate.metrics=[nll_validation]", *PRETRAINING,
                "controls.cool.decoding={name: ancestral, temperature: 0.5}")  # fmt: skip
    runner.start(run, tmp_path / "run")
    assert (tmp_path / "run/controls/cool/model/generator.safetensors").is_file()


def test_several_processes_of_a_launcher_are_refused_and_change_nothing(
    tmp_path: Path, whole_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file: file.read_bytes() for file in whole_run.rglob("*") if file.is_file()}
    monkeypatch.setenv("WORLD_SIZE", "2")
    for call in (
        lambda: runner.start(small(), tmp_path / "new"),
        lambda: runner.resume(whole_run),
        lambda: runner.branch(small(), tmp_path / "new", None),
    ):
        with pytest.raises(UserError, match="WORLD_SIZE=2: a run uses one process"):
            call()
    assert not (tmp_path / "new").exists()
    assert {file: file.read_bytes() for file in whole_run.rglob("*") if file.is_file()} == before
