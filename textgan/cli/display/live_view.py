"""Shows a running run on a terminal: progress, training statistics, metrics and samples."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from textgan.cli.display.eta import Eta, describe_eta, describe_speed
from textgan.cli.display.output import duration, figure
from textgan.cli.display.plain import STOPPING, PlainReporter
from textgan.cli.display.run_state import RunState, SampleSnapshot
from textgan.cli.display.table import leading, row_name
from textgan.core.escape import visible

if TYPE_CHECKING:
    from textgan.runs.builder import Run
    from textgan.runs.evaluator import Measured
    from textgan.runs.run_dir import RunDir
    from textgan.training.loop import Progress

REFRESHES = 4
"""Refreshes per second."""
FOOTER = "Ctrl-C finishes this round and saves a checkpoint"
NOTE_LINES = 2
ROOMY = 30
"""Height in lines from which the view has blank lines and notes about the data."""


def make_reporter(console: Console, quiet: bool) -> RunState:
    """Returns a reporter for a console: a live view on a terminal, plain lines otherwise, nothing if quiet."""
    if quiet:
        return RunState()
    terminal = console.file.isatty() and not console.is_dumb_terminal
    return LiveView(console) if terminal else PlainReporter()


class LiveView(RunState):
    """Shows header, phases, statistics, metrics and samples, as far as the terminal has room for them."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self.eta = Eta([])
        self._lock = threading.Lock()
        self.live = Live(
            console=console,
            get_renderable=self.render,
            refresh_per_second=REFRESHES,
            vertical_overflow="crop",
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def close(self) -> None:
        if self.live.is_started:
            self.live.transient = self.finished  # the result replaces a finished view; a stopped one remains
            self.live.stop()

    def on_run_start(self, run: Run, folder: RunDir, progress: Progress) -> None:
        with self._lock:
            super().on_run_start(run, folder, progress)
            self.eta = Eta(self.setting.phases)

    def on_evaluation(self, column: str, progress: Progress, measured: Measured) -> None:
        with self._lock:
            super().on_evaluation(column, progress, measured)

    def render(self) -> RenderableType:
        """Returns the current view. Live calls this from its own thread; it only reads the state."""
        with self._lock:
            return self._view()

    def _view(self) -> RenderableType:
        if self.progress is None:
            return Text("loading the data and building the players ...", style="dim")
        width, height = self.console.size
        blank = [Text()] * (height >= ROOMY)
        parts: list[RenderableType] = [*self._header(), *(self._notes(width) if blank else ()), *blank]
        parts += [*self._phases(width), *blank, *self._stats(width)]
        footer = Text(FOOTER, "dim")
        if self.stop_requested:
            footer = Text(STOPPING, "yellow", no_wrap=True, overflow="ellipsis")
        rows_left = height - 1 - len(parts) - 1
        if self.newest:
            parts += self._evaluation(self.newest, width, rows_left)
        return Group(*parts, footer)

    def _header(self) -> Iterator[Text]:
        setting = self.setting
        control = [("  control ", "dim"), (visible(self.control_name), "bold magenta")] if self.control_name else []
        yield _line(
            ("textgan ", "dim"), (visible(setting.name), "bold"), *control, ("  on ", "dim"), setting.device,
            ("  in ", "dim"), visible(setting.folder),
        )  # fmt: skip
        yield _line((setting.sizes, "dim"))

    def _notes(self, width: int) -> Iterator[Text]:
        items = [(visible(note), f"{count:,}") for note, count in self.setting.notes.items()]
        return islice(pack(items, width, "yellow"), NOTE_LINES)

    def _phases(self, width: int) -> Iterator[RenderableType]:
        assert self.progress is not None
        progress = self.round_result.progress if self.round_result else self.progress
        self.eta.update(progress.phase, progress.round, self.seen)
        estimate = self.eta.estimate(progress.phase, progress.round)
        name_width = max(len(name) for name, _ in self.setting.phases)
        for number, (name, rounds) in enumerate(self.setting.phases):
            label = visible(name).ljust(name_width)
            if number == progress.phase:
                speed = describe_speed(estimate.speed)
                count = f"{progress.round:,}/{rounds:,}"
                grid = Table.grid(padding=(0, 2, 0, 0))
                room = max(10, width - name_width - len(count) - len(speed) - 10)
                bar = ProgressBar(total=max(rounds, 1), completed=progress.round, width=min(room, 60))
                grid.add_row(Text(f"▸ {label}", "bold cyan"), bar, Text(count), Text(speed, "cyan"))
                yield grid
            elif number < progress.phase:
                took = self.eta.times.get(number)
                yield _line(
                    (f"✓ {label}  ", "green"),
                    (f"{rounds:,} rounds", "dim"),
                    (f" in {duration(took)}" if took else "", "dim"),
                )
            else:
                yield _line((f"  {label}  {rounds:,} rounds", "dim"))
        yield _line((f"  {describe_eta(estimate, self.remaining_controls())}", "dim"))

    def _stats(self, width: int) -> Iterator[Text]:
        items = [(visible(name), figure(value)) for name, value in self.stats.items()]
        return pack(items, width)

    def _evaluation(self, newest: SampleSnapshot, width: int, rows: int) -> Iterator[RenderableType]:
        """Yields the newest metrics and samples, in at most `rows` lines."""
        values = self.columns[newest.column]
        first = leading(values, self.setting.better) or list(values)
        metrics, samples = share(rows, len(values), len(first), len(newest.texts))
        if metrics:
            ranked = [*first, *(name for name in values if name not in first)][:metrics]
            yield Text()
            yield self._metrics(newest, width, [name for name in values if name in ranked])
            if len(values) > metrics:
                yield Text(f"{len(values) - metrics} more metrics at the end of the run", "dim")
        if samples:
            yield Text()
            yield side_by_side(self.oldest, newest, samples)

    def _metrics(self, newest: SampleSnapshot, width: int, names: Sequence[str]) -> Table:
        """Returns a table of the newest values next to those of earlier columns."""
        columns, better = self.columns, self.setting.better
        shown = _select_columns(list(columns), max(2, (width - 24) // 16))
        _, reference = self.reference
        table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
        table.add_column("", no_wrap=True, max_width=28)
        for column in shown[:-1]:
            table.add_column(Text(visible(column)), justify="right", no_wrap=True, overflow="ellipsis")
        at = f" {newest.round:,}" if newest.round else ""
        table.add_column(Text(f"{visible(shown[-1])}{at}  "), justify="right", no_wrap=True, overflow="ellipsis")
        for name in names:
            cells = [Text(_cell(columns[column].get(name))) for column in shown[:-1]]
            new = columns[newest.column][name]
            table.add_row(row_name(name, better), *cells, compare_value(name, new, reference, better))
        return table


def share(rows: int, metrics: int, leading: int, samples: int) -> tuple[int, int]:
    """Divides lines between two tables. Returns how many metrics and how many samples are shown.

    Each table has a blank line and a heading before it, and "9 more metrics" needs a line. The leading metrics and
    three samples come first, then the other samples, then the other metrics.

    Args:
        rows: available lines.
        metrics: number of all metrics.
        leading: number of the most important metrics.
        samples: number of samples.
    """
    sample_lines = 2 + min(samples, 3) if samples else 0
    shown_metrics = min(leading, rows - sample_lines - 3)
    if shown_metrics < min(leading, 2):
        return 0, max(min(samples, rows - 2), 0)
    left = rows - 3 - shown_metrics
    shown_samples = max(min(samples, left - 2), 0)
    left -= 2 + shown_samples if shown_samples else 0
    shown_metrics = min(metrics, shown_metrics + left)
    return (metrics if shown_metrics == metrics - 1 else shown_metrics), shown_samples


def side_by_side(old: SampleSnapshot | None, new: SampleSnapshot, count: int) -> Table:
    """Returns a table of samples of the pre-trained and of the newest model; each row has the same random numbers."""
    pair = [old, new] if old is not None and old is not new else [new]
    table = Table(box=None, padding=(0, 1), pad_edge=False, expand=True, header_style="bold")
    for snapshot in pair:
        title = f"{visible(snapshot.column)}, round {snapshot.round:,}" if snapshot.round else visible(snapshot.column)
        table.add_column(Text(title), ratio=1, no_wrap=True, overflow="ellipsis")
    for number in range(count):
        table.add_row(
            *(Text(visible(s.texts[number]) if number < len(s.texts) else "", "" if s is new else "dim") for s in pair)
        )
    return table


def compare_value(name: str, value: float, reference: Mapping[str, float], better: Mapping[str, str]) -> Text:
    """Formats a value with an arrow for its change: green if it is better, red if it is worse."""
    old = reference.get(name)
    if old is None or math.isnan(old) or math.isnan(value) or figure(old) == figure(value):
        return Text(f"{figure(value)}  ")
    arrow = "▲" if value > old else "▼"
    if name not in better:
        return Text.assemble(figure(value), (f" {arrow}", "dim"))
    good = (better[name] == "higher") == (value > old)
    return Text.assemble(figure(value), (f" {arrow}", "green" if good else "red"))


def pack(items: Sequence[tuple[str, str]], width: int, style: str = "") -> Iterator[Text]:
    """Yields lines of names and values, each as full as the width allows."""
    line = Text()
    for name, value in items:
        if line and len(line) + len(name) + len(value) + 3 > width:
            yield line
            line = Text()
        line = Text.assemble(line, "  " * bool(line), (name, "dim"), (f" {value}", style), no_wrap=True)
    if line:
        yield line


def _select_columns(columns: Sequence[str], limit: int) -> list[str]:
    """Returns the first column and the last ones, `limit` in all."""
    return list(columns) if len(columns) <= limit else [columns[0], *columns[len(columns) - limit + 1 :]]


def _cell(value: float | None) -> str:
    return "" if value is None else figure(value)


def _line(*pieces: str | tuple[str, str]) -> Text:
    return Text.assemble(*pieces, no_wrap=True, overflow="ellipsis")
