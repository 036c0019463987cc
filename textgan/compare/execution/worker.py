"""One job of a comparison: a method's run with one seed, then its measurement. A process of its own.

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
from textgan.compare.execution.checkpoint_selection import choose
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
    """Writes how far it is, for whoever shows all runs."""

    def __init__(self, home: Path, total: int) -> None:
        self.home, self.total, self.told = home, total, 0.0

    def on_round_end(self, result: RoundResult) -> None:
        if time.monotonic() - self.told > 1:
            self.told = time.monotonic()
            done = {"done": result.progress.global_round, "of": self.total, "phase": result.phase.name}
            if result.budget:
                done |= {"done": min(100, round(100 * result.budget)), "of": 100}
            write_text(self.home / PROGRESS, json.dumps(done))


def work(plan: Plan, method: Method, seed: int) -> None:
    """Runs, or goes on, to the end; then measures. What is there already is not done again."""
    home = plan.home(method.name, seed)
    home.mkdir(parents=True, exist_ok=True)
    (home / FAILED).unlink(missing_ok=True)
    recipe = plan.recipe(method, seed)
    if method.best_of:
        run = build(recipe)
        _choose(run, plan, method, seed)
    else:
        total = sum(phase["rounds"] for phase in recipe.filled["phases"].values())
        reporter = ProgressFile(home, total)
        kept = frozenset(method.after if plan.settings.select_checkpoint else ())
        origin = plan.origin(method, seed)
        run = runner.branch(recipe, home / "run", origin, reporter, plan.budget(method), kept)
    chosen: Mapping[str, Any] = {}
    if plan.settings.select_checkpoint and method.after:
        before = sum(p["rounds"] for name, p in recipe.filled["phases"].items() if name not in method.after)
        chosen = choose(run, RunDir(home / "run"), before, plan.settings, derive(seed, "choose"))
    # What is chosen by a discriminator is of another law than the generator's likelihood.
    metrics = [m for m in run.metrics if not (method.best_of and "log_prob" in m.requires)]
    found = sweep(
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
        found["drift"] = exposure.drift(run.generator, run.corpus, evaluator, count, derive(seed, "measure"))
    write_text(home / MEASURED, json.dumps(found | {"cost": _cost(home, method), "chosen": chosen}))
    (home / PROGRESS).unlink(missing_ok=True)


def _choose(run: Run, plan: Plan, method: Method, seed: int) -> None:
    """The start's generator, and the discriminator that the variant ended with."""
    start, variant = (RunDir(plan.home(name, seed) / "run") for name in (method.start, method.variant))
    run.generator.load_state_dict(load_file(start.model / "generator.safetensors"))
    checkpoint.restore_player(run.modules["discriminator"], "discriminator", variant.saved()[-1])


def _cost(home: Path, method: Method) -> Mapping[str, Mapping[str, float]]:
    """What training took: {"start", "after"}, the phases up to its start and those behind it, shared ones included.

    Nothing where nothing is trained.
    """
    file = home / "run" / "cost.json"
    spent: Spent = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    parts = {"start": spent.keys() - set(method.after), "after": spent.keys() & set(method.after)}
    return {
        part: {name: sum(spent[phase][name] for phase in phases) for name in COUNTS} for part, phases in parts.items()
    }


def main(arguments: list[str]) -> int:
    """0 if it is measured, 1 if it failed, 130 or 143 if it was stopped and can go on."""
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
