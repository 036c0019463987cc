"""Runs a comparison and shows it: a live table on a terminal, otherwise a line for each run that ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from textgan.cli.display.output import progress_console, result_console, say
from textgan.compare.design.plan import Plan
from textgan.compare.execution.jobs import Job, run_all
from textgan.core.errors import Failure
from textgan.core.escape import visible

if TYPE_CHECKING:
    from textgan.compare.analysis.results import Results
    from textgan.compare.execution.executors import Executor
    from textgan.compare.length_study import Study

MARKS = {"waiting": ("·", "dim"), "running": ("▸", "cyan"), "done": ("✓", "green"), "failed": ("✗", "bold red")}


def run_study(study: Study, workers: int, plugins: Sequence[Path], executor: Executor) -> None:
    """Runs the comparison of each length, then writes the page of gains.

    Raises:
        Failure: if no length could be measured.
    """
    from textgan.compare.length_study import write

    measured = []
    for length, plan in study.plans().items():
        try:
            measured.append((length, run_comparison(plan, workers, plugins, executor)))
        except Failure as error:
            say(f"length {length}: {error}")
    if not measured:
        raise Failure(f"{study.folder}: no length could be measured")
    say(str(write(study, measured)))


def run_comparison(plan: Plan, workers: int, plugins: Sequence[Path], executor: Executor) -> Results:
    """Runs all methods of a comparison, writes its report and prints the verdicts.

    Raises:
        Failure: if every run failed.
    """
    from textgan.compare.analysis.metric_check import check_metrics
    from textgan.compare.analysis.results import results as analyse
    from textgan.compare.reporting.report import write

    console, start = progress_console(), time.monotonic()
    say(f"{plan.folder}: {len(plan.methods)} methods, {plan.settings.seeds} seeds, {workers} runs in parallel")
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4, transient=True) as live:
            jobs = run_all(plan, workers, lambda jobs: live.update(_job_table(plan, jobs)), plugins, executor)
    else:
        jobs = run_all(plan, workers, _JobLines(), plugins, executor)
    failed = [job for job in jobs if job.state == "failed"]
    for job in failed:
        say(f"{job.method.name}, seed {job.seed}: {job.reason}")
    if len(failed) == len(jobs):
        raise Failure(f"{plan.folder}: every run failed")
    found = analyse(plan, check_metrics(plan))
    page = write(found)
    _print_verdicts(found)
    say(f"{page} ({(time.monotonic() - start) / 60:.1f} min)")
    return found


class _JobLines:
    """Prints a line for each run that has ended, once."""

    def __init__(self) -> None:
        self.reported: set[tuple[str, int]] = set()

    def __call__(self, jobs: list[Job]) -> None:
        for job in jobs:
            key = (job.method.name, job.seed)
            if job.state in ("done", "failed") and key not in self.reported:
                self.reported.add(key)
                say(f"{len(self.reported)} of {len(jobs)}  {job.method.name}, seed {job.seed}: {job.state}")


def _job_table(plan: Plan, jobs: Sequence[Job]) -> Table:
    """Returns a table with a row for each method and a column for each seed."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("")
    for seed in range(plan.settings.seeds):
        table.add_column(f"seed {seed}", justify="right", no_wrap=True)
    for method in plan.methods:
        cells = [_job_cell(job) for job in jobs if job.method is method]
        table.add_row(Text(visible(method.name)), *cells)
    return table


def _job_cell(job: Job) -> Text:
    """Returns the state of a run, with its progress in percent if it is known."""
    mark, style = MARKS[job.state]
    done, rounds = job.progress
    return Text(f"{100 * done // rounds}% {mark}" if job.state == "running" and rounds else mark, style)


def _print_verdicts(found: Results) -> None:
    """Prints the verdict of each pair, then the red flags."""
    console = result_console()
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    for heading in ("method", "verdict", "compared with", "metric", "difference", "p"):
        table.add_column(heading)
    for pair in found.pairs:
        difference = pair.difference
        interval = f"{difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]" if difference else ""
        p = f"{pair.corrected:.3f}" if difference else ""
        table.add_row(
            Text(visible(pair.first)),
            pair.verdict,
            Text(visible(pair.second)),
            f"{pair.quality} at equal {pair.diversity}",
            interval,
            p,
        )
    console.print(table)
    for name, flags in found.flags.items():
        for flag in flags:
            console.print(Text(f"{visible(name)}: {flag.text}", "bold red" if flag.collapse else "red"))
