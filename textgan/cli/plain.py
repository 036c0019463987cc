"""Progress in plain lines, for a log file or a pipe: one a phase, an evaluation, a phase's end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textgan.cli.output import duration, figure
from textgan.cli.table import leading
from textgan.cli.watching import Watcher
from textgan.text import visible

if TYPE_CHECKING:
    from textgan.build import Run
    from textgan.evaluation import Measured
    from textgan.folder import Folder
    from textgan.training import Place, Step

STOPPING = "finishing this round, then saving; press Ctrl-C again to stop at once"


class Plain(Watcher):
    """Lines on stderr. Where nobody reads them any more, the run goes on in silence."""

    def __init__(self) -> None:
        super().__init__()
        self._phase = -1
        self._since = 0.0
        self._ends = False
        self._silent = False

    def began(self, run: Run, folder: Folder, place: Place) -> None:
        super().began(run, folder, place)
        setting = self.setting
        if self.control_name is None:
            self._print(f"{setting.name} on {setting.device}, in {setting.folder}")
            notes = (f"{what}: {count:,}" for what, count in setting.notes.items())
            self._print("; ".join((setting.sizes, *notes)))
        self._phase = -1
        steps = [count for _, count in setting.phases]
        if place.phase < len(steps):
            done = place.round >= steps[place.phase]
            self._announce(place.phase + done, 0 if done else place.round)

    def stepped(self, step: Step) -> None:
        super().stepped(step)
        if step.place.phase != self._phase:
            self._announce(step.place.phase, 0)
        self._ends = step.ends_phase

    def evaluated(self, column: str, place: Place, measured: Measured) -> None:
        super().evaluated(column, place, measured)
        chosen = leading(measured.values, self.setting.better) or list(measured.values)
        values = ", ".join(f"{name} {figure(measured.values[name])}" for name in chosen)
        at = f", round {place.round:,}" if place.round else ""
        self._print(f"{self.title(column)}{at}: {values}")

    def saved(self, path: Path) -> None:
        if self._ends and self.step is not None:
            self._ends = False
            took = duration(time.monotonic() - self._since)
            stats = "".join(f", {name} {figure(value)}" for name, value in _main(self.stats).items())
            self._print(f"{self.step.phase.name} ended after {took}{stats}; saved {path}")
            self._announce(self._phase + 1, 0)

    def control(self, name: str) -> None:
        super().control(name)
        self._print(f"control {name}")

    def stopping(self) -> None:
        super().stopping()
        try:  # a signal may have come in the middle of a print, which must not be entered twice
            os.write(sys.stderr.fileno(), f"{STOPPING}\n".encode())
        except (OSError, ValueError):
            self._silent = True

    def _announce(self, number: int, done: int) -> None:
        if number >= len(self.setting.phases):
            return
        name, steps = self.setting.phases[number]
        self._phase, self._since = number, time.monotonic()
        self._print(f"{name}: {steps:,} rounds" + (f", from round {done:,} on" if done else ""))

    def _print(self, line: str) -> None:
        if self._silent:
            return
        try:
            print(visible(line), file=sys.stderr, flush=True)
        except OSError:
            self._silent = True


def _main(stats: Mapping[str, float]) -> Mapping[str, float]:
    """The first few: a line is no table."""
    return dict(list(stats.items())[:6])
