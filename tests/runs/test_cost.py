"""What a run cost is counted exactly, and a budget ends it where it is spent, stopped in between or not."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from textgan import recipe
from textgan.runs import runner
from textgan.runs.run_dir import RunDir
from textgan.runs.cost import BUDGETS, COUNTS, UNLIMITED, Budget
from textgan.runs.reporter import ProgressReporter
from textgan.runs.signals import Stopped
from textgan.training.loop import RoundResult

ROWS, LENGTH, ROLLOUTS = 8, 5, 3
SMALL = (
    "device=cpu", "data.name=oracle", "data.size=50", f"data.length={LENGTH}", "data.sequences=64",
    "data.validation=16", "data.test=16", f"batch_size={ROWS}", "evaluate.samples=10", "evaluate.metrics=[unique]",
    "generator.embed_dim=4", "generator.hidden_dim=4", "discriminator.filters=2", "discriminator.widths=[2]",
    f"estimator.rollouts={ROLLOUTS}", "phases.pretrain-g.rounds=4", "phases.pretrain-d.rounds=2",
    "phases.adversarial.rounds=3", "phases.adversarial.evaluate=1", "checkpoint.minutes=100",
    "phases.adversarial.turns=[{objective: adversarial, updates: {generator: policy}}, "
    "{objective: discriminate, times: 2}]", "phases.pretrain-d.turns=[discriminate]",
)  # fmt: skip
AFTER = frozenset({"pretrain-d", "adversarial"})


def small(*settings: str) -> recipe.Recipe:
    return recipe.load("seqgan", [*SMALL, *settings]).without_controls()


def cost(folder: Path) -> Mapping[str, Mapping[str, float]]:
    found: Any = json.loads((folder / "cost.json").read_text(encoding="utf-8"))
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("settings", [(), ("estimator.update_rate=0.5",)])
def test_every_phase_is_counted_and_evaluations_are_not(tmp_path: Path, settings: tuple[str, ...]) -> None:
    """All sentences are of one length, so every number is known. A slow copy's roll-outs count, too."""
    runner.branch(small(*settings), tmp_path / "run", None)
    found = cost(tmp_path / "run")
    behind = sum(LENGTH - t for t in range(1, LENGTH))  # tokens that complete a sentence's prefixes
    step = ROWS * LENGTH
    expected = {
        "pretrain-g": {"rounds": 4, "steps": 4, "other_steps": 0, "read": 4 * step, "written": 0},
        "pretrain-d": {"rounds": 2, "steps": 0, "other_steps": 2, "read": 2 * step, "written": 2 * step},
        "adversarial": {
            "rounds": 3,
            "steps": 3,
            "other_steps": 6,
            "read": 9 * step,
            "written": 9 * step + 3 * ROLLOUTS * ROWS * behind,
        },
    }
    assert {p: {k: v for k, v in counts.items() if k != "seconds"} for p, counts in found.items()} == expected
    assert all(counts["seconds"] > 0 for counts in found.values())


@pytest.mark.parametrize(("kind", "amount", "rounds"), [("steps", 5, 5), ("steps", 2, 2), ("tokens", 2000, 4)])
def test_a_budget_ends_the_run_with_the_first_round_that_spends_it(
    tmp_path: Path, kind: str, amount: float, rounds: int
) -> None:
    """Earlier than the recipe would end, or later. A round of it is 480 tokens behind 160 for the discriminator."""
    run = runner.branch(small(), tmp_path / "run", None, limit=Budget({kind: amount}, AFTER))
    assert cost(tmp_path / "run")["adversarial"]["rounds"] == rounds
    last = RunDir(tmp_path / "run").saved()[-1]
    assert int(last.name) == 4 + 2 + rounds
    assert RunDir(tmp_path / "run").entries()[-1]["step"] == 4 + 2 + rounds, "the end is measured"
    assert run.phases[-1].open


class StopAt(ProgressReporter):
    def __init__(self, index: int) -> None:
        self.index = index

    def on_round_end(self, result: RoundResult) -> None:
        if step.progress.global_round == self.index:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("index", [3, 8, 11])
def test_stopped_within_a_budget_and_gone_on_with_ends_with_the_same_bytes(tmp_path: Path, index: int) -> None:
    limit = Budget({"tokens": 3500}, AFTER)
    runner.branch(small(), tmp_path / "whole", None, limit=limit)
    with pytest.raises(Stopped):
        runner.branch(small(), tmp_path / "run", None, StopAt(index), limit)
    runner.branch(small(), tmp_path / "run", None, limit=limit)
    for name in ("metrics.jsonl", "model/generator.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    spent, whole = cost(tmp_path / "run"), cost(tmp_path / "whole")
    assert {p: c["written"] for p, c in spent.items()} == {p: c["written"] for p, c in whole.items()}


def test_what_is_over_is_not_gone_on_with(tmp_path: Path) -> None:
    limit = Budget({"steps": 4}, AFTER)
    runner.branch(small(), tmp_path / "run", None, limit=limit)
    before = (tmp_path / "run/metrics.jsonl").read_bytes()
    runner.branch(small(), tmp_path / "run", None, limit=limit)
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == before
    assert cost(tmp_path / "run")["adversarial"]["rounds"] == 4


def test_time_is_a_budget(tmp_path: Path) -> None:
    runner.branch(small(), tmp_path / "run", None, limit=Budget({"seconds": 1e-6}, AFTER))
    assert "adversarial" not in cost(tmp_path / "run"), "the discriminator's first round has spent it"


def test_a_share_is_that_of_what_is_nearest_to_its_end() -> None:
    spent = {phase: dict.fromkeys(COUNTS, 10.0) for phase in ("a", "b")}
    assert Budget({"steps": 40}, frozenset({"a"})).share(spent) == 0.25
    assert Budget({"steps": 40, "tokens": 25}, frozenset({"a"})).share(spent) == 0.8
    assert Budget({"seconds": 40}, frozenset({"a", "b"})).share(spent) == 0.5
    assert UNLIMITED.share(spent) == 0
    assert {name for names in BUDGETS.values() for name in names} <= set(COUNTS)
