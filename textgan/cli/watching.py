"""What is known of a run while it goes on: observers that keep it, before any of them shows it.

The live view draws from another thread, so what is kept here is replaced as a whole, never changed in place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from textgan.cli.output import plural
from textgan.running import Observer

if TYPE_CHECKING:
    from textgan.build import Run
    from textgan.evaluation import Measured
    from textgan.folder import Folder
    from textgan.training import Place, Step

START = "start"
"""The column of an evaluation before the first round, when there is no trained model yet."""


@dataclass(frozen=True)
class Specimens:
    """Sentences that were generated at one evaluation, as they are: hostile until shown otherwise."""

    column: str
    round: int
    texts: Sequence[str]


@dataclass(frozen=True)
class Setting:
    """What stays the same from `began` on."""

    name: str = ""
    device: str = ""
    folder: str = ""
    sizes: str = ""
    notes: Mapping[str, int] = field(default_factory=dict)
    phases: Sequence[tuple[str, int]] = ()
    keep: int = 8
    better: Mapping[str, str] = field(default_factory=dict)


class Watcher(Observer):
    """Remembers; shows nothing. A context manager: `close` puts the terminal in order."""

    def __init__(self) -> None:
        self.setting = Setting()
        self.control_name: str | None = None
        self.controls_left: Sequence[str] = ()
        self.place: Place | None = None
        self.step: Step | None = None
        self.seen = 0.0
        self.stats: Mapping[str, float] = {}
        self.columns: Mapping[str, Mapping[str, float]] = {}
        self.before: Mapping[str, float] = {}
        self.newest: Specimens | None = None
        self.oldest: Specimens | None = None
        self.asked_to_stop = False
        self.finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stops showing. May be called twice."""

    def where(self) -> str:
        """' after round 12 of adversarial', or nothing before the first round."""
        if self.step is None:
            return ""
        inside = f" (control {self.control_name})" if self.control_name else ""
        return f" after round {self.step.place.round:,} of {self.step.phase.name}{inside}"

    def control(self, name: str) -> None:
        self.control_name = name
        self.controls_left = self.controls_left[1:]

    def began(self, run: Run, folder: Folder, place: Place) -> None:
        corpus, filled = run.corpus, run.recipe.filled
        splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
        sizes = ", ".join(f"{len(split.batch):,} {name}" for name, split in splits.items())
        better: dict[str, str] = {name: way for metric in run.metrics for name, way in metric.better().items()}
        self.setting = Setting(
            name=self.setting.name if self.control_name else run.recipe.name,
            device=str(run.device),
            folder=self.setting.folder if self.control_name else str(folder.path),
            sizes=f"{sizes} sentences; vocabulary {corpus.vocab.size:,}, up to {corpus.max_len} tokens",
            notes={what: count for what, count in corpus.notes.items() if count},
            phases=[(phase.name, phase.steps) for phase in run.phases],
            keep=filled["log"]["samples"],
            better=better,
        )
        self.place, self.step, self.seen, self.stats = place, None, time.monotonic(), {}
        if self.control_name is None:
            self.controls_left = list(filled["controls"])
            self._recall(folder)

    def stepped(self, step: Step) -> None:
        self.step, self.seen = step, time.monotonic()

    def logged(self, step: Step, values: Mapping[str, float]) -> None:
        self.stats = values

    def evaluated(self, column: str, place: Place, measured: Measured) -> None:
        specimens = Specimens(self.title(column), place.round, measured.texts[: self.setting.keep])
        self._remember(specimens.column, measured.values, specimens)

    def stopping(self) -> None:
        self.asked_to_stop = True

    def title(self, column: str) -> str:
        """A control's columns go under the control's name, as in the final table."""
        return self.control_name or column

    def _remember(self, column: str, values: Mapping[str, float], specimens: Specimens) -> None:
        self.before = self.columns.get(column, {})
        others = {name: known for name, known in self.columns.items() if name != column}
        self.columns = {**others, column: values}
        self.newest = specimens
        first = next((name for name in self.columns if name != START), column)
        if column == first or self.oldest is None:
            self.oldest = specimens

    def _recall(self, folder: Folder) -> None:
        """What an interrupted run had measured."""
        for entry in folder.entries():
            if entry.pop("kind") == "evaluation":
                step, column, number = entry.pop("step"), entry.pop("phase"), entry.pop("round")
                file = folder.path / "samples" / f"{step:06d}.txt"
                texts = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
                self._remember(column, entry, Specimens(column, number, texts))

    @property
    def reference(self) -> tuple[str, Mapping[str, float]]:
        """What the newest values are compared with: the pre-trained model, else the evaluation before."""
        columns = [name for name in self.columns if name != START]
        if len(columns) > 1:
            return columns[0], self.columns[columns[0]]
        if self.before:
            return "the evaluation before", self.before
        return START, self.columns.get(START, {})

    def ahead(self) -> str:
        """'2 controls', or nothing."""
        return plural(len(self.controls_left), "control") if self.controls_left else ""
