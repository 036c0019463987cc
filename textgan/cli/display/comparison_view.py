"""All runs of a comparison in one live table; without a terminal, a line for each that ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from textgan.cli.display.output import progress_console, result_console, say
from textgan.compare.execution.jobs import Job, run_all
from textgan.compare.design.plan import Plan
from textgan.core.errors import Failure
from textgan.core.escape import visible

if TYPE_CHECKING:
    from textgan.compare.execution.executors import Executor
    from textgan.compare.length_study import Study
    from textgan.compare.analysis.results import Results

MARKS = {"waiting": ("·", "dim"), "running": ("▸", "cyan"), "done": ("✓", "green"), "failed": ("✗", "bold red")}


def study(found: Study, workers: int, plugins: Sequence[Path], executor: Executor) -> None:
    """Runs the comparison of every length, then shows what was gained. Raises Failure if no length was measured."""
    from textgan.compare.length_study import write

    measured = []
    for length, plan in found.plans().items():
        try:
            measured.append((length, watch(plan, workers, plugins, executor)))
        except Failure as error:
            say(f"length {length}: {error}")
    if not measured:
        raise Failure(f"{found.folder}: no length could be measured")
    say(str(write(found, measured)))


def watch(plan: Plan, workers: int, plugins: Sequence[Path], executor: Executor) -> Results:
    """Runs a comparison to its end and shows what came of it. Raises Failure if nothing could be measured."""
    from textgan.compare.reporting.report import write
    from textgan.compare.analysis.results import results as gather
    from textgan.compare.analysis.metric_check import of

    console, began = progress_console(), time.monotonic()
    say(f"{plan.folder}: {len(plan.methods)} methods, {plan.settings.seeds} seeds, {workers} at once")
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            jobs = run_all(plan, workers, lambda jobs: live.update(_table(plan, jobs)), plugins, executor)
    else:
        jobs = run_all(plan, workers, _Lines(), plugins, executor)
    broken = [job for job in jobs if job.state == "failed"]
    for job in broken:
        say(f"{job.method.name}, seed {job.seed}: {job.reason}")
    if len(broken) == len(jobs):
        raise Failure(f"{plan.folder}: every run failed")
    found = gather(plan, of(plan))
    page = write(found)
    _show(found)
    say(f"{page} ({(time.monotonic() - began) / 60:.1f} min)")
    return found


class _Lines:
    """Says of each run that it ended, once."""

    def __init__(self) -> None:
        self.told: set[tuple[str, int]] = set()

    def __call__(self, jobs: list[Job]) -> None:
        for job in jobs:
            key = (job.method.name, job.seed)
            if job.state in ("done", "failed") and key not in self.told:
                self.told.add(key)
                say(f"{len(self.told)} of {len(jobs)}  {job.method.name}, seed {job.seed}: {job.state}")


def _table(plan: Plan, jobs: Sequence[Job]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("")
    for seed in range(plan.settings.seeds):
        table.add_column(f"seed {seed}", justify="right", no_wrap=True)
    for method in plan.methods:
        cells = [_cell(job) for job in jobs if job.method is method]
        table.add_row(Text(visible(method.name)), *cells)
    return table


def _cell(job: Job) -> Text:
    mark, style = MARKS[job.state]
    done, of = job.progress
    return Text(f"{100 * done // of}% {mark}" if job.state == "running" and of else mark, style)


def _show(found: Results) -> None:
    """The verdicts, then the warnings."""
    console = result_console()
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for head in ("", "is", "than", "by", "p"):
        table.add_column(head)
    for pair in found.pairs:
        difference = pair.difference
        by = f"{difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]" if difference else ""
        p = f"{pair.corrected:.3f}" if difference else ""
        table.add_row(
            Text(visible(pair.first)),
            pair.verdict,
            Text(visible(pair.second)),
            f"{pair.quality} at equal {pair.diversity}",
            by,
            p,
        )
    console.print(table)
    for name, flags in found.flags.items():
        for flag in flags:
            console.print(Text(f"{visible(name)}: {flag.text}", "bold red" if flag.collapse else "red"))
