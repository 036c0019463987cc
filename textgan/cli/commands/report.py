"""Implements `textgan report`, which rewrites the report of a comparison."""

from __future__ import annotations

from pathlib import Path

import click

from textgan.cli.base import Command, examples


@click.command(cls=Command, epilog=examples("textgan report runs/compare-..."))
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Rewrite the report of a comparison.

    Writes report.html, results.json, results.csv and results.tex from the runs that have finished so far.

    FOLDER is the folder of a comparison, or of a comparison of several lengths.
    """
    from textgan.compare import length_study
    from textgan.compare.analysis.metric_check import check_metrics
    from textgan.compare.analysis.results import collect, results
    from textgan.compare.design.plan import read
    from textgan.compare.reporting.report import write

    study = length_study.read(folder)
    plans = study.plans() if study else {0: read(folder)}
    started = {length: plan for length, plan in plans.items() if not study or collect(plan)[0]}
    found = [(length, results(plan, check_metrics(plan))) for length, plan in started.items()]
    pages = [write(each) for _, each in found]
    click.echo(str(length_study.write(study, found) if study else pages[0]))
