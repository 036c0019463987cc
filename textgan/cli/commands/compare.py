"""`textgan compare`: several recipes side by side, with controls, over seeds."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from textgan.cli.base import Command, complete_recipe, examples, given_beside, plugin_option
from textgan.core.errors import UserError

if TYPE_CHECKING:
    from textgan.compare.length_study import Study

AT_ONCE = {"slurm": 64}
"""Runs at once, where not as many as this machine has processors."""


@click.command(
    cls=Command,
    epilog=examples(
        "textgan compare seqgan rankgan --seeds 5",
        "textgan compare seqgan mine.yaml data.name=text data.path=captions.txt",
        "textgan compare seqgan rankgan --budget tokens=2000000",
        "textgan compare seqgan rankgan --cluster slurm --cluster-option slurm_partition=gpu",
        "textgan compare seqgan rankgan data.name=oracle --lengths 20,40,80",
        "textgan compare --resume runs/compare-...     goes on where it stood",
    ),
)
@click.argument("recipes", nargs=-1, shell_complete=complete_recipe)
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="Runs of each method.")
@click.option("--samples", type=click.IntRange(2), default=2000, show_default=True, help="Sequences a measurement.")
@click.option(
    "--temperatures",
    default="0.5,0.6,0.7,0.8,0.9,1.0,1.1",
    show_default=True,
    metavar="T,T,...",
    help="At which every model is sampled; 1 has to be among them.",
)
@click.option(
    "--alpha", type=click.FloatRange(0, 1, True, True), default=0.1, show_default=True,
    help='How often a false "better" is accepted, over all pairs together.',
)  # fmt: skip
@click.option(
    "--margin", type=click.FloatRange(0, 1), default=0.05, show_default=True,
    help="Differences below this share of the spread between best and worst are of no interest.",
)  # fmt: skip
@click.option(
    "--budget", multiple=True, metavar="KIND=AMOUNT", callback=lambda _, __, given: _budget(given),
    help="What every method has behind its start, in updates, tokens or seconds; default, what the recipes say. "
    "Repeatable: what is spent first ends it.",
)  # fmt: skip
@click.option("--select-checkpoint", is_flag=True, help="Of each run, take the checkpoint that is best on validation text.")
@click.option(
    "--lengths", metavar="N,N,...", callback=lambda _, __, text: _lengths(text),
    help="One comparison for each length of sentences, and a page of what is gained at each.",
)  # fmt: skip
@click.option("--workers", "processes", type=click.IntRange(1), help="Runs at once; default, one for each processor, on a cluster 64.")
@click.option(
    "--cluster", type=click.Choice(["none", "local", "slurm"]), default="none", show_default=True,
    help="Run as jobs of a cluster, by submitit; local tries that on this machine.",
)  # fmt: skip
@click.option(
    "--cluster-option", "options", multiple=True, metavar="KEY=VALUE",
    help="For submitit, such as timeout_min=240 or slurm_partition=gpu. Repeatable.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Two seeds and short phases, to see that everything works: ranks nothing.")
@click.option("--out", type=click.Path(path_type=Path), help="A new folder; default runs/compare-<date>-<time>.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR", help="Go on with a comparison.")
@plugin_option
def compare(
    recipes: Sequence[str],
    seeds: int,
    samples: int,
    temperatures: str,
    alpha: float,
    margin: float,
    budget: Mapping[str, float],
    select_checkpoint: bool,
    lengths: Sequence[int],
    processes: int | None,
    cluster: str,
    options: Sequence[str],
    quick: bool,
    out: Path | None,
    resume: Path | None,
    plugins: Sequence[Path],
) -> None:
    """Compare recipes on the same data, over seeds, with controls that nobody has to ask for.

    RECIPES are files or bundled names, one or more; key=value settings among them hold for all. Each variant gets,
    unasked, its pre-trained start, early and continued likelihood training, its own update under a constant reward, and
    the start with the trained discriminator to choose the best of a few samples. Variants that begin alike share that
    beginning.
    """
    from textgan import recipe as loader
    from textgan.cli.display.comparison_view import study, watch
    from textgan.compare.execution.executors import EXECUTORS
    from textgan.compare.length_study import make_plan as study_of
    from textgan.compare.length_study import read as begun
    from textgan.compare.design.plan import Settings, make_plan, quickly, read

    whole: Study | None = None
    if resume is not None:
        _alone()
        whole = begun(resume)
        folder = resume
    else:
        settings = Settings(seeds, _temperatures(temperatures), samples, alpha, margin, budget=budget, select_checkpoint=select_checkpoint)
        settings = quickly(settings) if quick else settings
        folder = _new(out)
        names, changes = [text for text in recipes if "=" not in text], [text for text in recipes if "=" in text]
        if lengths:
            whole = study_of(names, changes, lengths, settings, folder)
        else:
            make_plan([loader.load(name, changes) for name in names], settings, folder)
    workers = processes or AT_ONCE.get(cluster) or os.cpu_count() or 1
    executor = EXECUTORS[cluster](workers, folder / "cluster", _options(options))
    if whole is not None:
        study(whole, workers, plugins, executor)
    else:
        watch(read(folder), workers, plugins, executor)


@click.command(cls=Command, epilog=examples("textgan report runs/compare-..."))
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Write the report of a comparison anew, as far as it has been run: report.html, results.json, .csv and .tex."""
    from textgan.compare import length_study
    from textgan.compare.design.plan import read
    from textgan.compare.reporting.report import write
    from textgan.compare.analysis.results import collect, results
    from textgan.compare.analysis.metric_check import of

    whole = length_study.read(folder)
    plans = whole.plans() if whole else {0: read(folder)}
    begun = {length: plan for length, plan in plans.items() if not whole or collect(plan)[0]}
    found = [(length, results(plan, of(plan))) for length, plan in begun.items()]
    pages = [write(each) for _, each in found]
    click.echo(str(length_study.write(whole, found) if whole else pages[0]))


def _alone() -> None:
    """A comparison that goes on is the one that was begun; what it runs on may be another."""
    given = given_beside({"resume", "processes", "cluster", "options", "plugins"})
    extra = ["recipes and settings" if name == "recipes" else f"--{name}" for name in given]
    if extra:
        raise click.UsageError(
            f"--resume goes on with what was begun; leave out {', '.join(extra)}, or begin a new comparison."
        )


def _new(out: Path | None) -> Path:
    from textgan.runs.run_dir import new_folder, refuse_taken

    folder = out or new_folder("compare")
    refuse_taken(folder)
    return folder


def _temperatures(text: str) -> tuple[float, ...]:
    try:
        found = tuple(sorted({float(part) for part in text.split(",")}))
    except ValueError:
        raise UserError(f'--temperatures: "{text}" is no list of numbers such as 0.7,1.0') from None
    if 1.0 not in found or not all(0 < temperature < math.inf for temperature in found):
        raise UserError(f"--temperatures: {text} needs 1 among them, and all of them above 0 and finite")
    return found


def _budget(given: Sequence[str]) -> Mapping[str, float]:
    """ "seconds=60" -> {"seconds": 60}."""
    from textgan.core.registry import suggest

    kinds = ("updates", "tokens", "seconds")
    found: dict[str, float] = {}
    for text in given:
        kind, _, amount = text.partition("=")
        if kind not in kinds:
            raise UserError(f"--budget: {text} limits {kind}{suggest(kind, kinds)}; there are: {', '.join(kinds)}")
        try:
            found[kind] = float(amount)
        except ValueError:
            found[kind] = math.nan
        if not 0 < found[kind] < math.inf:
            raise UserError(f"--budget: {text} needs a number above 0, such as {kind}=1000")
    return found


def _options(given: Sequence[str]) -> Mapping[str, int | str]:
    """ "timeout_min=240" -> {"timeout_min": 240}."""
    found: dict[str, int | str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UserError(f"--cluster-option: {text} is no KEY=VALUE, such as timeout_min=240")
        found[key] = int(value) if value.isdecimal() else value
    return found


def _lengths(text: str | None) -> Sequence[int]:
    """ "20,40,80" -> [20, 40, 80]."""
    parts = text.split(",") if text else []
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f"--lengths: {text} is no list of whole numbers above 0 such as 20,40,80")
    return sorted({int(part) for part in parts})
