"""The cost of a run is counted exactly, and a budget ends it where it is spent, interrupted or not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.stopping import StopAt

from textgan import recipe
from textgan.runs import runner
from textgan.runs.cost import BUDGETS, COUNTS, UNLIMITED, Budget
from textgan.runs.run_dir import RunDir
from textgan.runs.signals import Stopped

ROWS, LENGTH, ROLLOUTS = 8, 5, 3
SMALL = (
    "device=cpu", "data.name=oracle", "data.size=50", f"data.length={LENGTH}", "data.sequences=64",
    "data.validation=16", "data.test=16", f"batch_size={ROWS}", "evaluate.samples=10", "evaluate.metrics=[unique]",
    "generator.embed_dim=4", "generator.hidden_dim=4", "discriminator.filters=2", "discriminator.widths=[2]",
    f"estimator.rollouts={ROLLOUTS}", "phases.pretrain-g.rounds=4", "phases.pretrain-d.rounds=2",
    "phases.adversarial.rounds=3", "phases.adversarial.evaluate=1", "checkpoint.minutes=100",
    "phases.adversarial.turns.generator.batch_size=null", "phases.adversarial.turns.discriminator.pool=null",
    "phases.adversarial.turns.discriminator.times=2", "phases.pretrain-d.turns.discriminator.pool=null",
)  # fmt: skip
AFTER_PRETRAINING = frozenset({"pretrain-d", "adversarial"})


def small(*settings: str) -> recipe.Recipe:
    return recipe.load("seqgan", [*SMALL, *settings]).without_controls()


def cost(folder: Path) -> Mapping[str, Mapping[str, float]]:
    found: Any = json.loads((folder / "cost.json").read_text(encoding="utf-8"))
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("settings", [(), ("estimator.update_rate=0.5",)])
def test_every_phase_is_counted_and_evaluations_are_not(tmp_path: Path, settings: tuple[str, ...]) -> None:
    """All sequences have one length, so every count is known. Roll-outs of a slow copy are counted, too."""
    runner.branch(small(*settings), tmp_path / "run", None)
    found = cost(tmp_path / "run")
    completions = sum(LENGTH - t for t in range(1, LENGTH))  # tokens that complete a sequence's prefixes
    batch = ROWS * LENGTH
    expected = {
        "pretrain-g": {
            "rounds": 4, "generator_updates": 4, "other_updates": 0, "tokens_read": 4 * batch, "tokens_generated": 0,
        },
        "pretrain-d": {
            "rounds": 2,
            "generator_updates": 0,
            "other_updates": 2,
            "tokens_read": 2 * batch,
            "tokens_generated": 2 * batch,
        },
        "adversarial": {
            "rounds": 3,
            "generator_updates": 3,
            "other_updates": 6,
            "tokens_read": 9 * batch,
            "tokens_generated": 9 * batch + 3 * ROLLOUTS * ROWS * completions,
        },
    }  # fmt: skip
    assert {p: {k: v for k, v in counts.items() if k != "seconds"} for p, counts in found.items()} == expected
    assert all(counts["seconds"] > 0 for counts in found.values())


@pytest.mark.parametrize(("kind", "amount", "rounds"), [("updates", 5, 5), ("updates", 2, 2), ("tokens", 2000, 4)])
def test_a_budget_ends_the_run_after_the_round_that_spends_it(
    tmp_path: Path, kind: str, amount: float, rounds: int
) -> None:
    """Earlier or later than the recipe would. A round has 480 tokens, after 160 for the discriminator."""
    run = runner.branch(small(), tmp_path / "run", None, budget=Budget({kind: amount}, AFTER_PRETRAINING))
    assert cost(tmp_path / "run")["adversarial"]["rounds"] == rounds
    last = RunDir(tmp_path / "run").saved()[-1]
    assert int(last.name) == 4 + 2 + rounds
    assert RunDir(tmp_path / "run").entries()[-1]["global_round"] == 4 + 2 + rounds, "the end must be evaluated"
    assert run.phases[-1].open


@pytest.mark.parametrize("global_round", [3, 8, 11])
def test_a_resumed_run_within_a_budget_has_the_same_bytes(tmp_path: Path, global_round: int) -> None:
    budget = Budget({"tokens": 3500}, AFTER_PRETRAINING)
    runner.branch(small(), tmp_path / "whole", None, budget=budget)
    with pytest.raises(Stopped):
        runner.branch(small(), tmp_path / "run", None, StopAt(global_round), budget)
    runner.branch(small(), tmp_path / "run", None, budget=budget)
    for name in ("metrics.jsonl", "model/generator.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    resumed, whole = cost(tmp_path / "run"), cost(tmp_path / "whole")
    counts = [name for name in COUNTS if name != "seconds"]
    assert all(resumed[phase][name] == whole[phase][name] for phase in whole for name in counts)


def test_a_run_with_a_spent_budget_is_not_continued(tmp_path: Path) -> None:
    budget = Budget({"updates": 4}, AFTER_PRETRAINING)
    runner.branch(small(), tmp_path / "run", None, budget=budget)
    before = (tmp_path / "run/metrics.jsonl").read_bytes()
    runner.branch(small(), tmp_path / "run", None, budget=budget)
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == before
    assert cost(tmp_path / "run")["adversarial"]["rounds"] == 4


def test_a_budget_may_limit_time(tmp_path: Path) -> None:
    runner.branch(small(), tmp_path / "run", None, budget=Budget({"seconds": 1e-6}, AFTER_PRETRAINING))
    assert "adversarial" not in cost(tmp_path / "run"), "the discriminator's first round spends it"


def test_the_share_is_the_largest_of_the_amounts() -> None:
    spent = {phase: dict.fromkeys(COUNTS, 10.0) for phase in ("a", "b")}
    assert Budget({"updates": 40}, frozenset({"a"})).share(spent) == 0.25
    assert Budget({"updates": 40, "tokens": 25}, frozenset({"a"})).share(spent) == 0.8
    assert Budget({"seconds": 40}, frozenset({"a", "b"})).share(spent) == 0.5
    assert Budget({"seconds": 40}, frozenset({"c"})).share(spent) == 0
    assert UNLIMITED.share(spent) == 0
    assert {name for names in BUDGETS.values() for name in names} <= set(COUNTS)
