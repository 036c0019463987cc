"""Implements `textgan compare`, which compares recipes and their controls over several seeds."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from textgan.cli.base import Command, complete_recipe, examples, explicit_parameters, plugin_option
from textgan.core.errors import UserError

if TYPE_CHECKING:
    from textgan.compare.length_study import Study

DEFAULT_WORKERS = {"slurm": 64}
"""Parallel runs on a cluster; elsewhere, one for each processor."""
BUDGET_KINDS = ("updates", "tokens", "seconds")


@click.command(
    cls=Command,
    epilog=examples(
        "textgan compare seqgan rankgan --seeds 5",
        "textgan compare seqgan mine.yaml data.name=text data.path=captions.txt",
        "textgan compare seqgan rankgan --budget tokens=2000000",
        "textgan compare seqgan rankgan --cluster slurm --cluster-option slurm_partition=gpu",
        "textgan compare seqgan rankgan data.name=oracle --lengths 20,40,80",
        "textgan compare --resume runs/compare-...     continue an interrupted comparison",
    ),
)
@click.argument("recipes", nargs=-1, shell_complete=complete_recipe)
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True, help="Runs of each method.")
@click.option(
    "--samples", type=click.IntRange(2), default=2000, show_default=True, help="Samples for each measurement."
)
@click.option(
    "--temperatures",
    default="0.5,0.6,0.7,0.8,0.9,1.0,1.1",
    show_default=True,
    metavar="T,T,...",
    help="Temperatures at which every model is sampled; 1 must be one of them.",
)
@click.option(
    "--alpha", type=click.FloatRange(0, 1, True, True), default=0.1, show_default=True,
    help='Probability of any false "better" among all pairs (family-wise error rate).',
)  # fmt: skip
@click.option(
    "--margin", type=click.FloatRange(0, 1), default=0.05, show_default=True,
    help="Differences below this share of the spread between best and worst are negligible.",
)  # fmt: skip
@click.option(
    "--budget", multiple=True, metavar="KIND=AMOUNT", callback=lambda _, __, texts: _parse_budget(texts),
    help="Training after the shared start: updates=N, tokens=N or seconds=N; default, the recipes' rounds. "
    "Repeatable: training ends when the first budget is spent.",
)  # fmt: skip
@click.option(
    "--select-checkpoint", is_flag=True, help="Use each run's best checkpoint on validation text instead of its last."
)
@click.option(
    "--lengths", metavar="N,N,...", callback=lambda _, __, text: _parse_lengths(text),
    help="Run one comparison for each sentence length, and write a page with the gains at each length.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1), help="Runs in parallel; default, one for each processor, on a cluster 64."
)
@click.option(
    "--cluster", type=click.Choice(["none", "local", "slurm"]), default="none", show_default=True,
    help="Run as jobs of a cluster, with submitit; local tests that on this machine.",
)  # fmt: skip
@click.option(
    "--cluster-option", "options", multiple=True, metavar="KEY=VALUE",
    help="Option for submitit, such as timeout_min=240 or slurm_partition=gpu. Repeatable.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Test the setup with two seeds and short phases; ranks nothing.")
@click.option("--out", type=click.Path(path_type=Path), help="A new folder; default, runs/compare-DATE-TIME.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR", help="Continue a comparison.")
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
    workers: int | None,
    cluster: str,
    options: Sequence[str],
    quick: bool,
    out: Path | None,
    resume: Path | None,
    plugins: Sequence[Path],
) -> None:
    """Compare recipes with controls over several seeds.

    RECIPES are files or names of bundled recipes, one or more; key=value settings among them apply to all. All
    recipes use the same data, and those with a common beginning share it.

    Controls are added to each recipe: its pre-trained start, early and continued likelihood training, its own update
    under a constant reward, and the start with the trained discriminator selecting the best of several samples.
    """
    from textgan import recipe as loader
    from textgan.cli.display.comparison_view import run_comparison, run_study
    from textgan.compare.design.plan import Settings, make_plan, quick_settings, read
    from textgan.compare.execution.executors import EXECUTORS
    from textgan.compare.length_study import make_plan as make_study
    from textgan.compare.length_study import read as read_study

    study: Study | None = None
    if resume is not None:
        _refuse_changes(resume)
        study = read_study(resume)
        folder = resume
    else:
        settings = Settings(
            seeds,
            _parse_temperatures(temperatures),
            samples,
            alpha,
            margin,
            budget=budget,
            select_checkpoint=select_checkpoint,
        )
        settings = quick_settings(settings) if quick else settings
        folder = _new_folder(out)
        names, changes = [text for text in recipes if "=" not in text], [text for text in recipes if "=" in text]
        if lengths:
            study = make_study(names, changes, lengths, settings, folder)
        else:
            make_plan([loader.load(name, changes) for name in names], settings, folder)
    workers = workers or DEFAULT_WORKERS.get(cluster) or os.cpu_count() or 1
    executor = EXECUTORS[cluster](workers, folder / "cluster", _parse_options(options))
    if study is not None:
        run_study(study, workers, plugins, executor)
    else:
        run_comparison(read(folder), workers, plugins, executor)


def _refuse_changes(folder: Path) -> None:
    """Raises click.UsageError if arguments were given that would change a resumed comparison."""
    given = explicit_parameters({"resume", "workers", "cluster", "options", "plugins"})
    extra = ["recipes and settings" if name == "recipes" else f"--{name.replace('_', '-')}" for name in given]
    if extra:
        raise click.UsageError(
            f"--resume={folder}: a resumed comparison cannot be changed; leave out {', '.join(extra)}, "
            "or start a new comparison."
        )


def _new_folder(out: Path | None) -> Path:
    from textgan.runs.run_dir import new_folder, refuse_taken

    folder = out or new_folder("compare")
    refuse_taken(folder)
    return folder


def _parse_temperatures(text: str) -> tuple[float, ...]:
    """Parses "0.7,1.0" into (0.7, 1.0). Raises UserError."""
    try:
        values = tuple(sorted({float(part) for part in text.split(",")}))
    except ValueError:
        raise UserError(f"--temperatures={text}: not a list of numbers; expected numbers such as 0.7,1.0") from None
    if 1.0 not in values:
        raise UserError(f"--temperatures={text}: 1 is missing; expected numbers such as 0.7,1.0; add 1.0")
    if not all(0 < temperature < math.inf for temperature in values):
        raise UserError(f"--temperatures={text}: out of range; expected finite numbers above 0, such as 0.7,1.0")
    return values


def _parse_budget(texts: Sequence[str]) -> Mapping[str, float]:
    """Parses ["seconds=60"] into {"seconds": 60}. Raises UserError."""
    from textgan.core.registry import suggest

    budget: dict[str, float] = {}
    for text in texts:
        kind, _, amount = text.partition("=")
        if kind not in BUDGET_KINDS:
            raise UserError(
                f'--budget={text}: unknown kind "{kind}"; expected updates=N, tokens=N or seconds=N'
                f"{suggest(kind, BUDGET_KINDS)}"
            )
        try:
            budget[kind] = float(amount)
        except ValueError:
            budget[kind] = math.nan
        if not 0 < budget[kind] < math.inf:
            raise UserError(f"--budget={text}: invalid amount; expected a finite number above 0, such as {kind}=1000")
    return budget


def _parse_options(texts: Sequence[str]) -> Mapping[str, int | str]:
    """Parses ["timeout_min=240"] into {"timeout_min": 240}. Raises UserError."""
    options: dict[str, int | str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UserError(
                f"--cluster-option={text}: key or value is missing; expected KEY=VALUE, such as timeout_min=240"
            )
        options[key] = int(value) if value.isdecimal() else value
    return options


def _parse_lengths(text: str | None) -> Sequence[int]:
    """Parses "40,20,80" into [20, 40, 80]. Raises UserError."""
    parts = text.split(",") if text else []
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise UserError(f"--lengths={text}: not a list of lengths; expected whole numbers above 0, such as 20,40,80")
    return sorted({int(part) for part in parts})
