from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.runs import small
from support.stopping import StopAt

from textgan.runs import runner
from textgan.runs.builder import Run
from textgan.runs.evaluator import Measured
from textgan.runs.reporter import ProgressReporter, Result
from textgan.runs.run_dir import RunDir
from textgan.runs.signals import Stopped
from textgan.training.loop import Progress, RoundResult

SHORT = (
    "phases.pretrain-g.rounds=2", "phases.pretrain-g.evaluate=null", "phases.pretrain-d=null",
    "phases.adversarial.rounds=1", "phases.adversarial.evaluate=null", "evaluate.metrics=[unique]",
    "controls.continued-mle=null",
)  # fmt: skip


class Recording(ProgressReporter):
    """Records every event."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def on_run_start(self, run: Run, folder: RunDir, progress: Progress) -> None:
        self.events.append(("start", folder.path.name, progress.global_round))

    def on_round_end(self, result: RoundResult) -> None:
        self.events.append(("round", result.progress.global_round))

    def on_log(self, result: RoundResult, values: Mapping[str, float]) -> None:
        self.events.append(("log", result.progress.global_round))

    def on_evaluation(self, column: str, progress: Progress, measured: Measured) -> None:
        self.events.append(("evaluation", column, sorted(measured.values)))

    def on_checkpoint(self, path: Path) -> None:
        self.events.append(("checkpoint", path.name))

    def on_control_start(self, name: str) -> None:
        self.events.append(("control", name))

    def on_run_end(self, result: Result) -> None:
        self.events.append(("end", list(result.columns)))


def test_the_events_of_a_run_in_their_order(tmp_path: Path) -> None:
    reporter = Recording()
    runner.start(small(*SHORT), tmp_path / "run", reporter)
    assert reporter.events == [
        ("start", "run", 0),
        ("round", 1), ("log", 1), ("checkpoint", "000001"),
        ("round", 2), ("log", 2), ("evaluation", "pretrain-g", ["unique"]), ("checkpoint", "000002"),
        ("round", 3), ("log", 3), ("evaluation", "adversarial", ["unique"]), ("checkpoint", "000003"),
        ("control", "constant-reward"),
        ("start", "constant-reward", 2),
        ("round", 3), ("log", 3), ("evaluation", "adversarial", ["unique"]), ("checkpoint", "000003"),
        ("end", ["pretrain-g", "adversarial", "constant-reward"]),
    ]  # fmt: skip


def test_a_stop_request_is_reported_before_the_run_stops(tmp_path: Path) -> None:
    reporter = StopAt(1)
    with pytest.raises(Stopped):
        runner.start(small(*SHORT), tmp_path / "run", reporter)
    assert reporter.stopping


def test_the_default_reporter_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runner.start(small(*SHORT, "controls=null"), tmp_path / "run")
    assert capfd.readouterr() == ("", "")


def test_the_summary_of_a_result_is_json() -> None:
    result = Result(Path("run"), {"adversarial": {"bleu2": 0.5}}, {"bleu2": "higher"}, ["BLEU: n=2"])
    assert json.loads(json.dumps(result.summary())) == {
        "columns": {"adversarial": {"bleu2": 0.5}},
        "better": {"bleu2": "higher"},
        "signatures": ["BLEU: n=2"],
    }
