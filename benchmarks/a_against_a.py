"""Measures how often a comparison finds a difference between a method and itself, on real runs.

python -m benchmarks.a_against_a mle phases.likelihood.rounds=150 data.sentences=5000 --out runs/twins

Trains one recipe with many seeds, once. Then it repeatedly samples two disjoint sets of these runs, calls them two
methods, and compares them as `textgan compare` does: the same measurements, frontiers, tests and verdicts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from textgan import recipe
from textgan.compare.analysis.results import results
from textgan.compare.design.plan import MEASURED, Method, Plan, Settings, make_plan
from textgan.compare.execution.jobs import Job, run_all

NAMES = ("first", "second")


def train(name: str, changes: list[str], runs: int, samples: int, workers: int, folder: Path) -> Plan:
    """Trains the runs that do not exist yet."""
    settings = Settings(seeds=runs, samples=samples, temperatures=(0.6, 0.8, 1.0))
    plan = make_plan([recipe.load(name, changes)] * 2, settings, folder)
    plan = replace(plan, methods=[plan.methods[0]])
    done = 0

    def report(jobs: list[Job]) -> None:
        nonlocal done
        now = sum(job.state == "done" for job in jobs)
        if now > done:
            print(f"{now} of {len(jobs)} runs", flush=True)
        done = now

    for job in run_all(plan, workers, report):
        if job.state != "done":
            raise SystemExit(f"seed {job.seed}: {job.reason}")
    return plan


def compare_with_itself(plan: Plan, seeds: int, rng: np.random.Generator, folder: Path) -> str:
    """Returns the verdict on two sets of `seeds` runs each; no run is in both."""
    name, shown = plan.methods[0].name, plan.methods[0].recipe
    chosen = rng.permutation(plan.settings.seeds)[: 2 * seeds].reshape(2, seeds)
    twins = Plan(folder, [Method(n, shown, n) for n in NAMES], replace(plan.settings, seeds=seeds))
    shutil.copytree(plan.folder / "recipes", folder / "recipes")
    for twin, runs in zip(NAMES, chosen, strict=True):
        for seed, run in enumerate(runs):
            home = twins.home(twin, seed)
            home.mkdir(parents=True)
            shutil.copy(plan.home(name, int(run)) / MEASURED, home)
    return str(results(twins).pairs[0].verdict)


def main() -> int:
    """Prints how often each verdict occurred."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("changes", nargs="*", help="key=value")
    parser.add_argument("--runs", type=int, default=30, help="to train")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each of the two methods")
    parser.add_argument("--repetitions", type=int, default=20, help="comparisons")
    parser.add_argument("--samples", type=int, default=500, help="sequences for each measurement")
    parser.add_argument("--workers", type=int, default=2, help="runs to train at once")
    parser.add_argument("--out", type=Path, required=True, help="folder; runs that it contains are used")
    given = parser.parse_args()
    if given.runs < 2 * given.seeds:
        parser.error(f"--runs={given.runs}: too few for two sets of {given.seeds}; expected at least {2 * given.seeds}")
    plan = train(given.recipe, given.changes, given.runs, given.samples, given.workers, given.out)
    rng = np.random.default_rng(0)
    tables = given.out / "tables"
    shutil.rmtree(tables, ignore_errors=True)
    verdicts = Counter(
        compare_with_itself(plan, given.seeds, rng, tables / str(number)) for number in range(given.repetitions)
    )
    for verdict, times in verdicts.most_common():
        print(f"{verdict:24}{times} of {given.repetitions}")
    print(f"alpha is {plan.settings.alpha}: it bounds the share of better and worse together")
    return 0


if __name__ == "__main__":
    sys.exit(main())
