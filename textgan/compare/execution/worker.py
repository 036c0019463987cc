"""Runs one job of a comparison in its own process: trains a method with one seed, then measures it.

python -m textgan.compare.execution.worker FOLDER METHOD SEED [PLUGIN.py ...]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from textgan.compare.design.plan import FAILED, MEASURED, PROGRESS, Method, Plan, read
from textgan.compare.execution import exposure
from textgan.compare.execution.checkpoint_selection import select_checkpoint
from textgan.compare.execution.measure import sweep
from textgan.core import registry
from textgan.core.errors import Failure, UserError
from textgan.core.seeding import derive
from textgan.runs import checkpoint, runner
from textgan.runs.atomic import write_text
from textgan.runs.builder import Run, build
from textgan.runs.cost import COUNTS, Spent
from textgan.runs.reporter import ProgressReporter
from textgan.runs.run_dir import RunDir
from textgan.runs.signals import Stopped
from textgan.training.loop import RoundResult


class ProgressFile(ProgressReporter):
    """Writes the progress of a run to a file, at most once a second, for the process that shows all runs.

    Args:
        home: folder of the file.
        total: number of rounds of the run.
    """

    def __init__(self, home: Path, total: int) -> None:
        self.home, self.total, self.last_write = home, total, 0.0

    def on_round_end(self, result: RoundResult) -> None:
        """Writes the rounds done, or the percentage of the budget where one applies."""
        if time.monotonic() - self.last_write > 1:
            self.last_write = time.monotonic()
            progress = {"done": result.progress.global_round, "of": self.total, "phase": result.phase.name}
            if result.budget:
                progress |= {"done": min(100, round(100 * result.budget)), "of": 100}
            write_text(self.home / PROGRESS, json.dumps(progress))


def work(plan: Plan, method: Method, seed: int) -> None:
    """Trains a method with a seed to the end and measures it; training that already happened is not repeated.

    Args:
        plan: the plan of the comparison.
        method: the method to run.
        seed: the seed of the run.
    """
    home = plan.home(method.name, seed)
    home.mkdir(parents=True, exist_ok=True)
    (home / FAILED).unlink(missing_ok=True)
    recipe = plan.recipe(method, seed)
    if method.best_of:
        run = build(recipe)
        _load_best_of_players(run, plan, method, seed)
    else:
        total = sum(phase["rounds"] for phase in recipe.filled["phases"].values())
        reporter = ProgressFile(home, total)
        kept = frozenset(method.after if plan.settings.select_checkpoint else ())
        origin = plan.origin(method, seed)
        run = runner.branch(recipe, home / "run", origin, reporter, plan.budget(method), kept)
    chosen: Mapping[str, Any] = {}
    if plan.settings.select_checkpoint and method.after:
        before = sum(p["rounds"] for name, p in recipe.filled["phases"].items() if name not in method.after)
        # "choose" is the name of a stream of random numbers; another name would change the samples.
        chosen = select_checkpoint(run, RunDir(home / "run"), before, plan.settings, derive(seed, "choose"))
    # Selection by a discriminator changes the distribution of the samples, so the generator's likelihood is not theirs.
    metrics = [m for m in run.metrics if not (method.best_of and "log_prob" in m.requires)]
    measured = sweep(
        run.generator,
        run.corpus,
        metrics,
        plan.settings.temperatures,
        plan.settings.samples,
        derive(seed, "measure"),
        run.decoding,
    )
    if "incremental" in run.generator.capabilities and not method.best_of:
        evaluator = exposure.evaluator_lm(run.corpus, plan.folder)
        count = plan.settings.samples
        measured["drift"] = exposure.drift(run.generator, run.corpus, evaluator, count, derive(seed, "measure"))
    write_text(home / MEASURED, json.dumps(measured | {"cost": _cost(home, method), "chosen": chosen}))
    (home / PROGRESS).unlink(missing_ok=True)


def _load_best_of_players(run: Run, plan: Plan, method: Method, seed: int) -> None:
    """Loads the generator of the start and the trained discriminator of the variant."""
    start, variant = (RunDir(plan.home(name, seed) / "run") for name in (method.start, method.variant))
    run.generator.load_state_dict(load_file(start.model / "generator.safetensors"))
    checkpoint.restore_player(run.modules["discriminator"], "discriminator", variant.saved()[-1])


def _cost(home: Path, method: Method) -> Mapping[str, Mapping[str, float]]:
    """Sums the cost of training, shared phases included.

    Returns:
        {"start", "after"}: the cost of the phases up to the start and of those after it; 0 if nothing is trained.
    """
    file = home / "run" / "cost.json"
    spent: Spent = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    parts = {"start": spent.keys() - set(method.after), "after": spent.keys() & set(method.after)}
    return {
        part: {name: sum(spent[phase][name] for phase in phases) for name in COUNTS} for part, phases in parts.items()
    }


def main(arguments: list[str]) -> int:
    """Runs the job that the arguments describe.

    Args:
        arguments: folder of the comparison, name of the method, seed, then files of plugins.

    Returns:
        0 if the method is measured, 1 if it failed, 130 or 143 if it was stopped by a signal and can be resumed.
    """
    folder, name, seed = Path(arguments[0]), arguments[1], int(arguments[2])
    plan = read(folder)
    home = plan.home(name, seed)
    try:
        for file in arguments[3:]:
            registry.load_plugin(Path(file))
        work(plan, plan.method(name), seed)
    except Stopped as stopped:
        return 128 + stopped.signal
    except (UserError, Failure) as error:
        home.mkdir(parents=True, exist_ok=True)
        write_text(home / FAILED, json.dumps({"reason": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
