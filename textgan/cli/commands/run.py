"""`textgan run`: train by a recipe."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from textgan.cli.base import Command, complete_recipe, examples, given_beside, json_option, plugin_option
from textgan.core.errors import UserError
from textgan.runs.signals import Stopped

if TYPE_CHECKING:
    from textgan.recipe import Recipe


@click.command(
    cls=Command,
    epilog=examples(
        "textgan run seqgan                                    the built-in grammar, nothing to download",
        "textgan run seqgan data.name=text data.path=captions.txt",
        "textgan run mine.yaml estimator.rollouts=8 --seed 1 --out runs/rollouts-8",
        "textgan run seqgan --dry-run",
        "textgan run --resume runs/rollouts-8",
    ),
)
@click.argument("recipe", required=False, shell_complete=complete_recipe)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="A new folder; default runs/NAME-DATE-TIME."
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Short for seed=N.")
@click.option("--no-controls", is_flag=True, help="Leave the recipe's controls out.")
@click.option("--dry-run", is_flag=True, help="Check, say what would be done, and stop.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR", help="Go on with a run that was stopped.")
@click.option("--quiet", is_flag=True, help="Show no progress, only the result.")
@plugin_option
@json_option
def run(
    recipe: str | None,
    settings: Sequence[str],
    out: Path | None,
    seed: int | None,
    no_controls: bool,
    dry_run: bool,
    resume: Path | None,
    quiet: bool,
    plugins: Sequence[Path],
    as_json: bool,
) -> None:
    """Train by a recipe and keep everything in a folder.

    RECIPE is a file, or the name of a recipe that comes with the toolkit. KEY=VALUE changes one of its
    values. Ctrl-C finishes the round and saves; --resume goes on.
    """
    if resume is not None:
        _alone(resume)
        _play(None, resume, quiet, plugins, as_json)
        return
    if recipe is None:
        raise click.UsageError(_which())
    from textgan import recipe as recipes
    from textgan.runs.run_dir import refuse_taken

    if "=" in recipe and not Path(recipe).exists():
        raise UserError(f"{recipe}: the recipe comes first, then its settings: textgan run seqgan {recipe}")
    checked = recipes.load(recipe, [*settings, *([] if seed is None else [f"seed={seed}"])], not no_controls)
    if dry_run:
        if out is not None:
            refuse_taken(out)
        _tell(checked, out, as_json)
    else:
        _play(checked, out, quiet, plugins, as_json)


def _alone(folder: Path) -> None:
    """A resumed run goes to the end that it had; nothing about it can be changed."""
    words = {"recipe": "the recipe", "settings": "the settings"}
    given = given_beside({"resume", "quiet", "plugins", "as_json"})
    extra = [words.get(name, f"--{name.replace('_', '-')}") for name in given]
    if extra:
        raise UserError(
            f"--resume goes on with {folder} exactly as it was begun; leave out {', '.join(extra)}, "
            f"or begin a new run from {folder / 'recipe.yaml'}"
        )


def _which() -> str:
    """What to say when no recipe is named."""
    from textgan.cli.commands.list import recipe_summary
    from textgan.recipe import bundled

    shipped = bundled()
    wide = max(map(len, shipped), default=0)
    rows = "\n".join(f"  {name:<{wide}}  {recipe_summary(file)}" for name, file in shipped.items())
    return f"Which recipe? Give a file, or one of these:\n{rows}\nFor example: textgan run seqgan"


def _tell(recipe: Recipe, out: Path | None, as_json: bool) -> None:
    """What a run would be."""
    from textgan.cli.commands.check import summary
    from textgan.cli.display.output import write_json

    phases = {name: phase["rounds"] for name, phase in recipe.filled["phases"].items()}
    if as_json:
        folder = None if out is None else str(out)
        controls = list(recipe.filled["controls"])
        write_json({"name": recipe.name, "file": recipe.file, "phases": phases, "controls": controls, "folder": folder})
        return
    click.echo(f"{recipe.file}: ok")
    for line in summary(recipe):
        click.echo(f"  {line}")
    click.echo(f"  would go to {out or f'runs/{recipe.name}-DATE-TIME'}; {sum(phases.values()):,} rounds in all")


def _play(
    recipe: Recipe | None,
    out: Path | None,
    quiet: bool,
    plugins: Sequence[Path],
    as_json: bool,
) -> None:
    """Trains and shows. `recipe` is None for a run that goes on, whose folder is then `out`."""
    from textgan.runs import runner
    from textgan.cli.display.live_view import make_reporter
    from textgan.cli.display.output import progress_console, say
    from textgan.cli.display.run_summary import report
    from textgan.runs.run_dir import new_folder

    if recipe is None:
        assert out is not None
        folder = out
    else:
        folder = out or new_folder(recipe.name)
    with make_reporter(progress_console(), quiet) as reporter:
        try:
            result = runner.resume(folder, reporter) if recipe is None else runner.start(recipe, folder, reporter)
            reporter.finished = True
        except (Stopped, KeyboardInterrupt) as stop:
            reporter.close()
            saved = isinstance(stop, Stopped)
            if saved or reporter.progress is not None:
                command = ["textgan", "run", "--resume", str(folder)]
                command += [word for file in plugins for word in ("--plugin", str(file))]
                how = ("stopped", "") if saved else ("stopped at once", ", without saving")
                say(f"{how[0]}{reporter.where()}{how[1]}; continue with: {shlex.join(command)}")
            raise
    report(result, as_json, plugins)
