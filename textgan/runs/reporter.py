"""Defines the events that a run reports, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgan.training.loop import Progress, RoundResult

if TYPE_CHECKING:
    from textgan.runs.builder import Run
    from textgan.runs.evaluator import Measured
    from textgan.runs.run_dir import RunDir


@dataclass
class Result:
    """Holds the result of a run.

    Args:
        folder: the run's folder.
        columns: "pretrain-g", "adversarial", and one for each control -> metric -> value.
        better: metric -> "higher" or "lower", for metrics with a direction.
        signatures: how the metrics were computed.
    """

    folder: Path
    columns: dict[str, Mapping[str, float]] = field(default_factory=dict)
    better: Mapping[str, str] = field(default_factory=dict)
    signatures: Sequence[str] = ()

    def summary(self) -> Mapping[str, Any]:
        """Returns the content of `summary.json`."""
        return {"columns": self.columns, "better": dict(self.better), "signatures": list(self.signatures)}


class ProgressReporter:
    """Receives the events of a run. Does nothing; override what you want to show."""

    def on_run_start(self, run: Run, folder: RunDir, progress: Progress) -> None:
        """Called when the run, or a control of it, starts or resumes."""

    def on_round_end(self, result: RoundResult) -> None:
        """Called after every round. Reading `result.stats` here would wait for the device: use `on_log`."""

    def on_log(self, result: RoundResult, values: Mapping[str, float]) -> None:
        """Called when training statistics are logged."""

    def on_evaluation(self, column: str, progress: Progress, measured: Measured) -> None:
        """Called after an evaluation."""

    def on_checkpoint(self, path: Path) -> None:
        """Called after a checkpoint was saved."""

    def on_stop_requested(self) -> None:
        """Called when a signal arrived; the round continues to its end."""

    def on_control_start(self, name: str) -> None:
        """Called before a control starts."""

    def on_run_end(self, result: Result) -> None:
        """Called after the run and all its controls."""
