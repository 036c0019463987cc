"""Implements `textgan run`, which trains a recipe."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from textgan.cli.base import Command, complete_recipe, examples, explicit_parameters, json_option, plugin_option
from textgan.core.errors import UserError
from textgan.runs.signals import Stopped

if TYPE_CHECKING:
    from textgan.cli.display.run_state import RunState
    from textgan.recipe import Recipe


@click.command(
    cls=Command,
    epilog=examples(
        "textgan run seqgan                                    the built-in grammar, without downloads",
        "textgan run seqgan data.name=text data.path=captions.txt",
        "textgan run mine.yaml estimator.rollouts=8 --seed 1 --out runs/rollouts-8",
        "textgan run seqgan --dry-run",
        "textgan run --resume runs/rollouts-8",
    ),
)
@click.argument("recipe", required=False, shell_complete=complete_recipe)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="A new folder; default, runs/NAME-DATE-TIME."
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Random seed; short for seed=N.")
@click.option("--no-controls", is_flag=True, help="Leave out the recipe's controls.")
@click.option("--dry-run", is_flag=True, help="Check the recipe, print what would be run, and stop.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR", help="Continue a run that was stopped.")
@click.option("--quiet", is_flag=True, help="Show the result only, without progress.")
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
    """Train a recipe and save everything in one folder.

    RECIPE is a file or the name of a bundled recipe. KEY=VALUE changes one of its values. Ctrl-C finishes the
    current round and saves a checkpoint; --resume continues from there.
    """
    if resume is not None:
        _refuse_changes(resume)
        _train(None, resume, quiet, plugins, as_json)
        return
    if recipe is None:
        raise click.UsageError(_recipe_missing())
    from textgan import recipe as recipes
    from textgan.runs.run_dir import refuse_taken

    if "=" in recipe and not Path(recipe).exists():
        raise UserError(
            f"RECIPE={recipe}: is a setting; expected the recipe first, then its settings; "
            f"write: textgan run seqgan {recipe}"
        )
    checked = recipes.load(recipe, [*settings, *([] if seed is None else [f"seed={seed}"])], not no_controls)
    if dry_run:
        if out is not None:
            refuse_taken(out)
        _print_plan(checked, out, as_json)
    else:
        _train(checked, out, quiet, plugins, as_json)


def _refuse_changes(folder: Path) -> None:
    """Raises UserError if arguments were given that would change a resumed run."""
    labels = {"recipe": "the recipe", "settings": "the settings"}
    given = explicit_parameters({"resume", "quiet", "plugins", "as_json"})
    extra = [labels.get(name, f"--{name.replace('_', '-')}") for name in given]
    if extra:
        raise UserError(
            f"--resume={folder}: a resumed run cannot be changed; leave out {', '.join(extra)}, "
            f"or start a new run from {folder / 'recipe.yaml'}"
        )


def _recipe_missing() -> str:
    """Returns the error message for a missing RECIPE, which lists the bundled recipes."""
    from textgan.cli.commands.list import recipe_summary
    from textgan.recipe import bundled

    recipes = bundled()
    width = max(map(len, recipes), default=0)
    rows = "\n".join(f"  {name:<{width}}  {recipe_summary(file)}" for name, file in recipes.items())
    return f"RECIPE is missing; expected a file or one of these names:\n{rows}\nFor example: textgan run seqgan"


def _print_plan(recipe: Recipe, out: Path | None, as_json: bool) -> None:
    """Prints what a run would do."""
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
    click.echo(f"  folder {out or f'runs/{recipe.name}-DATE-TIME'}; {sum(phases.values()):,} rounds in total")


def _train(
    recipe: Recipe | None,
    out: Path | None,
    quiet: bool,
    plugins: Sequence[Path],
    as_json: bool,
) -> None:
    """Trains and shows progress and result. If `recipe` is None, resumes the run in `out`."""
    from textgan.cli.display.live_view import make_reporter
    from textgan.cli.display.output import progress_console
    from textgan.cli.display.run_summary import report
    from textgan.runs import runner
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
            _report_stop(reporter, isinstance(stop, Stopped), folder, plugins)
            raise
    report(result, as_json, plugins)


def _report_stop(reporter: RunState, saved: bool, folder: Path, plugins: Sequence[Path]) -> None:
    """Prints where the run was stopped and how to continue it, if there is something to continue."""
    from textgan.cli.display.output import say

    if not saved and reporter.progress is None:
        return
    command = ["textgan", "run", "--resume", str(folder)]
    command += [part for file in plugins for part in ("--plugin", str(file))]
    state = "stopped" if saved else "stopped immediately"
    unsaved = "" if saved else ", without saving"
    say(f"{state}{reporter.position()}{unsaved}; continue with: {shlex.join(command)}")
