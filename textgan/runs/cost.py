"""Measures the cost of training, phase by phase, and ends training when a budget is spent.

Only the rounds are counted. Evaluations, checkpoints and everything else between two rounds are not.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from textgan.core.types import Batch
from textgan.generation.sampling import TokenCounter
from textgan.runs.builder import Run
from textgan.training.loop import RoundResult

COUNTS = ("rounds", "generator_updates", "other_updates", "tokens_read", "tokens_generated", "seconds")
"""The counts of each phase.

- rounds: finished rounds;
- generator_updates: optimizer steps of the generator; other_updates: those of all other players;
- tokens_read: tokens of real text in the batches, padding not counted;
- tokens_generated: tokens that the generator sampled, roll-outs included; for a latent code, its full length;
- seconds: wall-clock time.
"""
BUDGETS: Mapping[str, tuple[str, ...]] = {
    "updates": ("generator_updates",),
    "tokens": ("tokens_read", "tokens_generated"),
    "seconds": ("seconds",),
}
"""What a budget can limit -> the counts that are added up for it."""

Spent = Mapping[str, Mapping[str, float]]
"""Phase -> count -> amount."""


@dataclass(frozen=True)
class Budget:
    """Ends training after the first round at whose end one of its amounts is spent.

    Args:
        amounts: "updates", "tokens" or "seconds" -> amount.
        phases: the phases whose costs count; without phases there is no limit. The last phase continues until the
            budget is spent, whatever its `rounds`.
    """

    amounts: Mapping[str, float]
    phases: frozenset[str]

    def share(self, spent: Spent) -> float:
        """Computes the share of the budget that is spent, 1 or more at its end: the largest of its amounts' shares."""
        if not self.phases:
            return 0.0
        return max((self._used(kind, spent) / amount for kind, amount in self.amounts.items()), default=0.0)

    def _used(self, kind: str, spent: Spent) -> float:
        return sum(counts[name] for phase, counts in spent.items() if phase in self.phases for name in BUDGETS[kind])


UNLIMITED = Budget({}, frozenset())


class CostMeter:
    """Counts the cost of a run.

    Args:
        run: the run whose optimizers and batches are observed.
        before: the cost so far, of this run or of the run whose checkpoint it starts from.
    """

    def __init__(self, run: Run, before: Spent | None = None) -> None:
        self.run = run
        self._spent: dict[str, dict[str, Any]] = {phase: dict(counts) for phase, counts in (before or {}).items()}
        self._now: dict[str, Any] = defaultdict(int)  # of this round; numbers, or tensors that remain on the device

    @property
    def spent(self) -> Spent:
        """The cost so far. Reading it waits for the device."""
        return {phase: {name: float(value) for name, value in counts.items()} for phase, counts in self._spent.items()}

    def watch(self, rounds: Callable[[Iterator[Batch]], Iterator[RoundResult]]) -> Iterator[RoundResult]:
        """Yields rounds after counting each of them.

        Args:
            rounds: plays rounds with the batches that it is given.
        """
        with self._counting_updates():
            results = rounds(self._reading(self.run.batches))
            while True:
                self._now.clear()
                started = time.monotonic()
                with TokenCounter() as generated:
                    result = next(results, None)
                if result is None:
                    return
                counted = {"rounds": 1, "tokens_generated": generated.total, "seconds": time.monotonic() - started}
                self._add(result.phase.name, self._now | counted)
                yield result

    def _add(self, phase: str, counted: Mapping[str, Any]) -> None:
        counts = self._spent.setdefault(phase, dict.fromkeys(COUNTS, 0.0))
        for name, value in counted.items():
            counts[name] = counts[name] + value

    def _reading(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self._now["tokens_read"] += batch.valid.sum()
            yield batch

    @contextmanager
    def _counting_updates(self) -> Iterator[None]:
        """Counts optimizer steps while it is entered."""
        handles = []
        for (_, player), optimizer in self.run.optimizers.items():
            kind = "generator_updates" if player.split(".")[0] == "generator" else "other_updates"
            handles.append(optimizer.register_step_post_hook(self._counting(kind)))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _counting(self, kind: str) -> Callable[..., None]:
        def count(*_: Any) -> None:
            self._now[kind] += 1

        return count
