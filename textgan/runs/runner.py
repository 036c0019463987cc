"""Runs recipes: `start` in a new folder, `resume` in an existing one, `branch` from another run's checkpoint.

All three play a `Session`. A control is a further session, started at the checkpoint up to which it equals its parent.
"""

from __future__ import annotations

from pathlib import Path

from textgan.core.errors import UserError
from textgan.core.seeding import seed_all
from textgan.data.corpus import Corpus
from textgan.recipe import Recipe
from textgan.recipe import load as load_recipe
from textgan.runs import checkpoint
from textgan.runs.builder import Run, build, common_phases, prepare
from textgan.runs.cost import UNLIMITED, Budget
from textgan.runs.provenance import environment
from textgan.runs.reporter import ProgressReporter, Result
from textgan.runs.run_dir import RunDir, refuse_taken
from textgan.runs.saving import Best
from textgan.runs.session import Session
from textgan.training.engine import require_single_process
from textgan.training.loop import Progress


def start(recipe: Recipe, folder: Path, reporter: ProgressReporter | None = None) -> Result:
    """Runs a recipe and its controls in a new folder.

    Args:
        recipe: a checked recipe.
        folder: the new run's folder.
        reporter: receives the run's events; default none.

    Raises:
        UserError: if the folder has files already, data, device or options are invalid, or torchrun started several
            processes.
        Failure: if training diverged, or the disk is full.
        Stopped: if a signal arrived; a checkpoint was saved.
    """
    require_single_process()
    refuse_taken(folder)
    run = build(recipe, prepare(recipe))
    home = RunDir.create(folder)
    with home.locked():
        home.write("environment.json", environment(recipe))
        home.write("recipe.given.yaml", recipe.given_yaml())
        home.write("recipe.yaml", recipe.yaml())  # last: a folder with this file can be resumed
        _record_data(home, run.corpus)
        return _with_controls(run, home, reporter or ProgressReporter())


def resume(folder: Path, reporter: ProgressReporter | None = None) -> Result:
    """Continues a stopped run. Its files are then equal, byte for byte, to those of a run that was not stopped.

    Args:
        folder: the run's folder.
        reporter: receives the run's events; default none.

    Raises:
        UserError: if the folder is not a run, its data have changed, or another process is running it.
        Failure: as in `start`.
        Stopped: as in `start`.
    """
    require_single_process()
    home = RunDir.open(folder)
    with home.locked():
        recipe = load_recipe(folder / "recipe.yaml").named(home.read("environment.json")["recipe"])
        corpus = prepare(recipe)
        _record_data(home, corpus)
        return _with_controls(build(recipe, corpus), home, reporter or ProgressReporter())


def branch(
    recipe: Recipe,
    folder: Path,
    origin: Path | None,
    reporter: ProgressReporter | None = None,
    budget: Budget = UNLIMITED,
    kept: frozenset[str] = frozenset(),
) -> Run:
    """Runs a recipe without its controls, from another run's checkpoint up to which the two are equal.

    Continues the run if it was started before; give it the same budget then. Returns the trained run.

    Args:
        recipe: a checked recipe.
        folder: the run's folder; it may exist.
        origin: the checkpoint, or None to start from the beginning.
        reporter: receives the run's events; default none.
        budget: ends training.
        kept: phases of which the checkpoint of every evaluation is kept.
    """
    require_single_process()
    corpus = prepare(recipe)
    new = not (folder / "recipe.yaml").is_file()
    home = RunDir.ensure(folder)
    with home.locked():
        if new:
            home.write("environment.json", environment(recipe))
            home.write("recipe.yaml", recipe.yaml())
        _record_data(home, corpus)
        run = build(recipe, corpus)
        _play(run, home, reporter or ProgressReporter(), origin, budget, kept)
        return run


def _with_controls(run: Run, home: RunDir, reporter: ProgressReporter) -> Result:
    """Plays the run, then its controls."""
    recipe, corpus = run.recipe, run.corpus
    result = _play(run, home, reporter, None)
    for name in recipe.filled["controls"]:
        reporter.on_control_start(name)
        control = recipe.control(name)
        shared = sum(phase.rounds for phase in run.phases[: common_phases(recipe, control)])
        inner = RunDir(home.path / "controls" / name)
        inner.write("recipe.yaml", control.yaml())
        inner.write("environment.json", environment(control))
        origin = home.checkpoint(shared) if shared else None
        controlled = _play(build(control, corpus), inner, reporter, origin)
        result.columns[name] = list(controlled.columns.values())[-1]
        home.write("summary.json", result.summary())
    reporter.on_run_end(result)
    return result


def _record_data(home: RunDir, corpus: Corpus) -> None:
    """Writes `data.json`. Raises UserError if a run would continue with other data than it was started with."""
    before = home.read("data.json") if (home.path / "data.json").exists() else None
    if home.saved() and before and before["fingerprint"] != corpus.fingerprint():
        raise UserError(
            f"{home.path}: its data have changed since the run was started; restore the data, or start a new run"
        )
    home.write("data.json", {**corpus.summary(), "fingerprint": corpus.fingerprint()})


def _play(
    run: Run,
    folder: RunDir,
    reporter: ProgressReporter,
    origin: Path | None,
    budget: Budget = UNLIMITED,
    kept: frozenset[str] = frozenset(),
) -> Result:
    """Restores the latest checkpoint, or else the origin, and plays to the end of the last phase or of the budget."""
    saved, best, spent = folder.saved(), None, None
    if saved:
        try:
            progress = checkpoint.restore(run, saved[-1])
        except UserError as error:
            fix = f", or delete {saved[-1]} to continue from round {int(saved[-2].name)}" if saved[1:] else ""
            raise UserError(f"{error}{fix}") from error
        extra = checkpoint.extra(saved[-1])
        best, spent = Best(**extra["best"]) if extra["best"] else None, extra.get("spent")
    elif origin is not None:
        progress = checkpoint.restore(run, origin, of=load_recipe(origin.parents[1] / "recipe.yaml"))
        spent = checkpoint.extra(origin).get("spent")
    else:
        progress = Progress()
        seed_all(run.seed)
    folder.rewind(
        progress.global_round if saved or origin else -1
    )  # without a checkpoint, an evaluation at the start is repeated
    return Session(run, folder, reporter, best, spent, budget, kept).play(progress)
