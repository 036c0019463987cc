"""Reports progress in plain lines, for a log file or a pipe: the start and end of each phase, and each evaluation."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textgan.cli.display.output import duration, figure
from textgan.cli.display.run_state import RunState
from textgan.cli.display.table import leading
from textgan.core.escape import visible

if TYPE_CHECKING:
    from textgan.runs.builder import Run
    from textgan.runs.evaluator import Measured
    from textgan.runs.run_dir import RunDir
    from textgan.training.loop import Progress, RoundResult

STOPPING = "finishing this round, then saving; press Ctrl-C again to stop immediately"


class PlainReporter(RunState):
    """Prints lines on stderr. If stderr is closed, it becomes silent and the run continues."""

    def __init__(self) -> None:
        super().__init__()
        self._phase = -1
        self._since = 0.0
        self._phase_ends = False
        self._silent = False

    def on_run_start(self, run: Run, folder: RunDir, progress: Progress) -> None:
        super().on_run_start(run, folder, progress)
        setting = self.setting
        if self.control_name is None:
            self._print(f"{setting.name} on {setting.device}, in {setting.folder}")
            notes = (f"{note}: {count:,}" for note, count in setting.notes.items())
            self._print("; ".join((setting.sizes, *notes)))
        self._phase = -1
        rounds = [count for _, count in setting.phases]
        if progress.phase < len(rounds):
            done = progress.round >= rounds[progress.phase]
            self._announce(progress.phase + done, 0 if done else progress.round)

    def on_round_end(self, result: RoundResult) -> None:
        super().on_round_end(result)
        if result.progress.phase != self._phase:
            self._announce(result.progress.phase, 0)
        self._phase_ends = result.ends_phase

    def on_evaluation(self, column: str, progress: Progress, measured: Measured) -> None:
        super().on_evaluation(column, progress, measured)
        names = leading(measured.values, self.setting.better) or list(measured.values)
        values = ", ".join(f"{name} {figure(measured.values[name])}" for name in names)
        at = f", round {progress.round:,}" if progress.round else ""
        self._print(f"{self.title(column)}{at}: {values}")

    def on_checkpoint(self, path: Path) -> None:
        if self._phase_ends and self.round_result is not None:
            self._phase_ends = False
            took = duration(time.monotonic() - self._since)
            stats = "".join(f", {name} {figure(value)}" for name, value in _first(self.stats).items())
            self._print(f"{self.round_result.phase.name} finished in {took}{stats}; saved {path}")
            self._announce(self._phase + 1, 0)

    def on_control_start(self, name: str) -> None:
        super().on_control_start(name)
        self._print(f"control {name}")

    def on_stop_requested(self) -> None:
        super().on_stop_requested()
        try:  # a signal may arrive during a print, which is not reentrant
            os.write(sys.stderr.fileno(), f"{STOPPING}\n".encode())
        except (OSError, ValueError):
            self._silent = True

    def _announce(self, number: int, done: int) -> None:
        """Prints the start of a phase, or its continuation after `done` rounds."""
        if number >= len(self.setting.phases):
            return
        name, rounds = self.setting.phases[number]
        self._phase, self._since = number, time.monotonic()
        self._print(f"{name}: {rounds:,} rounds" + (f", continued after round {done:,}" if done else ""))

    def _print(self, line: str) -> None:
        if self._silent:
            return
        try:
            print(visible(line), file=sys.stderr, flush=True)
        except OSError:
            self._silent = True


def _first(stats: Mapping[str, float]) -> Mapping[str, float]:
    """Returns the first six statistics, as many as fit into a line."""
    return dict(list(stats.items())[:6])
