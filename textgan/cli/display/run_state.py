"""Records the state of a running run. The reporters that show it extend this class.

The live view reads the state from another thread, so its values are replaced as a whole and never changed in place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from textgan.cli.display.output import plural
from textgan.runs.reporter import ProgressReporter

if TYPE_CHECKING:
    from textgan.runs.builder import Run
    from textgan.runs.evaluator import Measured
    from textgan.runs.run_dir import RunDir
    from textgan.training.loop import Progress, RoundResult

START = "start"
"""The column of the evaluation before the first round, when there is no trained model yet."""


@dataclass(frozen=True)
class SampleSnapshot:
    """Holds the samples of one evaluation, unescaped: they may contain control characters."""

    column: str
    round: int
    texts: Sequence[str]


@dataclass(frozen=True)
class Setting:
    """Holds what does not change between `on_run_start` and the end of the run or control."""

    name: str = ""
    device: str = ""
    folder: str = ""
    sizes: str = ""
    notes: Mapping[str, int] = field(default_factory=dict)
    phases: Sequence[tuple[str, int]] = ()
    keep: int = 8
    better: Mapping[str, str] = field(default_factory=dict)


class RunState(ProgressReporter):
    """Records the events of a run and shows nothing. As a context manager, it calls `close` at its end."""

    def __init__(self) -> None:
        self.setting = Setting()
        self.control_name: str | None = None
        self.controls_left: Sequence[str] = ()
        self.progress: Progress | None = None
        self.round_result: RoundResult | None = None
        self.seen = 0.0
        self.stats: Mapping[str, float] = {}
        self.columns: Mapping[str, Mapping[str, float]] = {}
        self.previous: Mapping[str, float] = {}
        self.newest: SampleSnapshot | None = None
        self.oldest: SampleSnapshot | None = None
        self.stop_requested = False
        self.finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops showing progress and restores the terminal. May be called twice."""

    def position(self) -> str:
        """Returns ' after round 12 of adversarial', or an empty text before the first round."""
        if self.round_result is None:
            return ""
        inside = f" (control {self.control_name})" if self.control_name else ""
        return f" after round {self.round_result.progress.round:,} of {self.round_result.phase.name}{inside}"

    def on_control_start(self, name: str) -> None:
        self.control_name = name
        self.controls_left = self.controls_left[1:]

    def on_run_start(self, run: Run, folder: RunDir, progress: Progress) -> None:
        corpus, filled = run.corpus, run.recipe.filled
        splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
        sizes = ", ".join(f"{len(split.batch):,} {name}" for name, split in splits.items())
        better: dict[str, str] = {
            name: direction for metric in run.metrics for name, direction in metric.better().items()
        }
        self.setting = Setting(
            name=self.setting.name if self.control_name else run.recipe.name,
            device=str(run.device),
            folder=self.setting.folder if self.control_name else str(folder.path),
            sizes=f"{sizes} sentences; vocabulary {corpus.vocab.size:,}, maximum length {corpus.max_len}",
            notes={note: count for note, count in corpus.notes.items() if count},
            phases=[(phase.name, phase.rounds) for phase in run.phases],
            keep=filled["log"]["samples"],
            better=better,
        )
        self.progress, self.round_result, self.seen, self.stats = progress, None, time.monotonic(), {}
        if self.control_name is None:
            self.controls_left = list(filled["controls"])
            self._restore(folder)

    def on_round_end(self, result: RoundResult) -> None:
        self.round_result, self.seen = result, time.monotonic()

    def on_log(self, result: RoundResult, values: Mapping[str, float]) -> None:
        self.stats = values

    def on_evaluation(self, column: str, progress: Progress, measured: Measured) -> None:
        snapshot = SampleSnapshot(self.title(column), progress.round, measured.texts[: self.setting.keep])
        self._record(snapshot.column, measured.values, snapshot)

    def on_stop_requested(self) -> None:
        self.stop_requested = True

    def title(self, column: str) -> str:
        """Returns the name of a column in the final table: the control's name during a control."""
        return self.control_name or column

    def _record(self, column: str, values: Mapping[str, float], snapshot: SampleSnapshot) -> None:
        self.previous = self.columns.get(column, {})
        others = {name: known for name, known in self.columns.items() if name != column}
        self.columns = {**others, column: values}
        self.newest = snapshot
        first = next((name for name in self.columns if name != START), column)
        if column == first or self.oldest is None:
            self.oldest = snapshot

    def _restore(self, folder: RunDir) -> None:
        """Records the evaluations of an interrupted run again."""
        for entry in folder.entries():
            if entry.pop("kind") == "evaluation":
                at, column, number = entry.pop("global_round"), entry.pop("phase"), entry.pop("round")
                file = folder.path / "samples" / f"{at:06d}.txt"
                texts = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
                self._record(column, entry, SampleSnapshot(column, number, texts))

    @property
    def reference(self) -> tuple[str, Mapping[str, float]]:
        """The values to compare the newest with: those of the pre-trained model, else of the previous evaluation."""
        columns = [name for name in self.columns if name != START]
        if len(columns) > 1:
            return columns[0], self.columns[columns[0]]
        if self.previous:
            return "previous evaluation", self.previous
        return START, self.columns.get(START, {})

    def remaining_controls(self) -> str:
        """Returns '2 controls', or an empty text."""
        return plural(len(self.controls_left), "control") if self.controls_left else ""
