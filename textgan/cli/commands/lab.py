"""Implements `textgan lab`, which compares gradient estimators with the exact gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textgan.cli.base import Command, examples, json_option, plugin_option
from textgan.core.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from textgan.testing.lab import Row


@click.command(
    cls=Command,
    epilog=examples(
        "textgan lab                                    all installed estimators",
        "textgan lab rollout rollouts=4",
        "textgan lab --plot lab.svg                     with curves over temperatures, roll-outs, ...",
        "textgan lab mine --plugin mine.py              a plugin's estimator; exit code 1 if it fails",
    ),
)
@click.argument("estimators", nargs=-1)
@click.option(
    "--vocab-size", type=click.IntRange(2, 6), default=3, show_default=True, help="Number of tokens in the vocabulary."
)
@click.option("--length", type=click.IntRange(1, 6), default=4, show_default=True, help="Length of the sequences.")
@click.option("--rows", type=click.IntRange(100), default=1000, show_default=True, help="Sequences per batch.")
@click.option("--repeats", type=click.IntRange(10), default=40, show_default=True, help="Number of batches.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed of the samples.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Also draw a plot: a .svg, .png or .pdf file."
)
@plugin_option
@json_option
def lab(
    estimators: Sequence[str],
    vocab_size: int,
    length: int,
    rows: int,
    repeats: int,
    seed: int,
    plot: Path | None,
    plugins: Sequence[Path],
    as_json: bool,
) -> None:
    """Compare gradient estimators with the exact gradient.

    ESTIMATORS are names; default, all of them. After a single name, key=value sets its options.

    Each estimator is run on small problems whose gradient g is computed exactly: by enumeration for short sequences,
    by integration for latent codes. An estimator fails if it declares `unbiased` but is biased, or if its mean
    gradient points away from g. The exit code is 1 if an estimator fails.
    """
    from textgan.cli.display.output import result_console, say, write_json
    from textgan.testing.lab.survey import Setting, survey, sweep

    if plot is not None:
        _check_plot(plot)
    names, options = _parse_estimators(estimators)
    setting = Setting(vocab_size, length, rows, repeats, seed)
    results: list[Row] = []
    for row in survey(setting, names, options):
        results.append(row)
        if not as_json:
            say(f"{row.name}, {row.measured.problem if row.measured else row.note}")
    if as_json:
        write_json([asdict(row) | {"verdict": row.verdict, "failed": row.failed} for row in results])
    else:
        console = result_console()
        console.print(_table(results))
        console.print(
            f"\n{vocab_size} tokens, {length} positions, {repeats} batches of {rows:,} sequences, seed {seed}"
        )
    if plot is not None:
        from textgan.testing.lab.plot import draw

        draw(results, list(sweep(setting, names)), plot)
        say(f"plot saved to {plot}")
    if any(row.failed for row in results):
        raise SystemExit(1)


def _check_plot(plot: Path) -> None:
    """Checks that the plot can be written. Called before minutes of work, not after them."""
    if plot.suffix not in (".svg", ".png", ".pdf"):
        raise UserError(f"--plot={plot}: unknown format; expected a name that ends in .svg, .png or .pdf; rename it")
    if not plot.absolute().parent.is_dir():
        raise UserError(f"--plot={plot}: folder {plot.parent} not found; expected an existing folder; create it first")


def _parse_estimators(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Separates names and options: ["rollout", "rollouts=4"] -> (["rollout"], {"rollouts": 4})."""
    from textgan.recipe.parse import scalar

    names = [text for text in arguments if "=" not in text]
    settings = [text.partition("=") for text in arguments if "=" in text]
    if settings and len(names) != 1:
        raise click.UsageError(
            f"{''.join(settings[0])}: is an option of one estimator; expected a single name before it, "
            "such as: textgan lab rollout rollouts=4"
        )
    return names, {key: scalar(value) for key, _, value in settings}


def _table(rows: Sequence[Row]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from textgan.core.escape import visible

    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("estimator", no_wrap=True)
    table.add_column("problem", min_width=9)
    for name in ("cosine", "scale", "bias²", "variance", "tokens", "µs"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", min_width=13)  # a narrow terminal folds the verdict but never drops it
    previous = ""
    for row in rows:
        name, previous = ("" if row.name == previous else row.name), row.name
        verdict = Text(visible(row.verdict), style="bold red" if row.failed else "")
        found = row.measured
        if found is None:
            table.add_row(Text(visible(name)), "", *[""] * 6, verdict)
            continue
        numbers = (f"{found.cosine:.4f}", f"{found.scale:.3f}", f"{max(found.bias2, 0):.1g}", f"{found.variance:.3g}")
        cost = (f"{found.tokens:.1f}", f"{found.microseconds:.1f}")
        table.add_row(Text(visible(name)), found.problem, *numbers, *cost, verdict)
    return table
