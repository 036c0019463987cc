"""How often a comparison calls a method better than itself, on real runs.

python -m benchmarks.a_against_a mle phases.likelihood.steps=150 data.sentences=5000 --out runs/twins

Trains one recipe with many seeds, once. Then it draws two sets of them, again and again, calls them two methods, and
asks what `textgan compare` asks of any two: the same measurements, frontiers, tests and verdicts.
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
from textgan.compare.execution.jobs import Job, run_all
from textgan.compare.design.plan import Method, Plan, Settings, make_plan
from textgan.compare.analysis.results import results

NAMES = ("one", "same")


def trained(name: str, changes: list[str], runs: int, samples: int, workers: int, folder: Path) -> Plan:
    """The runs, those that are not there yet made."""
    settings = Settings(seeds=runs, samples=samples, temperatures=(0.6, 0.8, 1.0))
    plan = make_plan([recipe.load(name, changes)] * 2, settings, folder)
    plan = replace(plan, methods=[plan.methods[0]])
    done = 0

    def tell(jobs: list[Job]) -> None:
        nonlocal done
        now = sum(job.state == "done" for job in jobs)
        if now > done:
            print(f"{now} of {len(jobs)} runs", flush=True)
        done = now

    for job in run_all(plan, workers, tell):
        if job.state != "done":
            raise SystemExit(f"seed {job.seed}: {job.reason}")
    return plan


def beside_itself(plan: Plan, seeds: int, chance: np.random.Generator, folder: Path) -> str:
    """The verdict on two sets of `seeds` runs each, no run in both."""
    name, shown = plan.methods[0].name, plan.methods[0].recipe
    chosen = chance.permutation(plan.settings.seeds)[: 2 * seeds].reshape(2, seeds)
    twins = Plan(folder, [Method(n, shown, n) for n in NAMES], replace(plan.settings, seeds=seeds))
    shutil.copytree(plan.folder / "recipes", folder / "recipes")
    for twin, runs in zip(NAMES, chosen, strict=True):
        for place, run in enumerate(runs):
            home = twins.home(twin, place)
            home.mkdir(parents=True)
            shutil.copy(plan.home(name, int(run)) / "measured.json", home)
    return str(results(twins).pairs[0].verdict)


def main() -> int:
    """Prints how often each verdict fell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("changes", nargs="*", help="key=value")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5, help="of each of the two")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="a folder; what is trained in it already is used")
    given = parser.parse_args()
    if given.runs < 2 * given.seeds:
        parser.error(f"{given.runs} runs do not make two sets of {given.seeds}")
    plan = trained(given.recipe, given.changes, given.runs, given.samples, given.jobs, given.out)
    chance = np.random.default_rng(0)
    tables = given.out / "tables"
    shutil.rmtree(tables, ignore_errors=True)
    said = Counter(
        beside_itself(plan, given.seeds, chance, tables / str(number)) for number in range(given.repetitions)
    )
    for verdict, times in said.most_common():
        print(f"{verdict:24}{times} of {given.repetitions}")
    print(f"the level is {plan.settings.alpha}; better and worse together are what it bounds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
