"""What training costs, phase by phase, and where a budget ends it.

Counted are the rounds themselves; evaluations, checkpoints and whatever else happens between two rounds are free.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from textgan.build import Run
from textgan.roles import Generator, Rollouts
from textgan.training import Step
from textgan.types import Batch, Samples

COUNTED = ("rounds", "steps", "other_steps", "read", "written", "seconds")
"""What is booked for each phase.

- rounds: of the phase;
- steps: gradient steps of the generator, `other_steps` those of all other players;
- read: tokens of real text in the batches, padding not counted;
- written: tokens that the generator drew, roll-outs included; where a sentence is a code, its whole length counts;
- seconds: by the clock.
"""
BUDGETS: Mapping[str, tuple[str, ...]] = {"steps": ("steps",), "tokens": ("read", "written"), "seconds": ("seconds",)}
"""What may be limited, and the counts that it is the sum of."""

Spent = Mapping[str, Mapping[str, float]]
"""Phase -> count -> how much."""


@dataclass(frozen=True)
class Limit:
    """A budget: training ends with the first round at which one of these is spent.

    Args:
        amounts: "steps", "tokens" or "seconds" -> how many.
        phases: those whose costs count. The last one goes on until the budget is spent, whatever its `steps` say;
            with none there is no limit.
    """

    amounts: Mapping[str, float]
    phases: frozenset[str]

    def share(self, spent: Spent) -> float:
        """How much of the budget is spent, 1 or more where it has come to its end."""
        if not self.phases:
            return 0.0
        return max((self._used(kind, spent) / amount for kind, amount in self.amounts.items()), default=0.0)

    def _used(self, kind: str, spent: Spent) -> float:
        return sum(counts[name] for phase, counts in spent.items() if phase in self.phases for name in BUDGETS[kind])


NO_LIMIT = Limit({}, frozenset())


class Meter:
    """Counts what a run spends.

    Args:
        run: whose players and batches are watched.
        before: what was spent up to here, by this run or by the one that it sets out from.
    """

    def __init__(self, run: Run, before: Spent | None = None) -> None:
        self.run = run
        self._spent: dict[str, dict[str, Any]] = {phase: dict(counts) for phase, counts in (before or {}).items()}
        self._now: dict[str, Any] = defaultdict(int)  # in this round; numbers, or tensors that stay on the device

    @property
    def spent(self) -> Spent:
        """So far. Waits for the device."""
        return {phase: {name: float(value) for name, value in counts.items()} for phase, counts in self._spent.items()}

    def watch(self, rounds: Callable[[Iterator[Batch]], Iterator[Step]]) -> Iterator[Step]:
        """The rounds that are made of the run's batches, each booked before it is passed on."""
        with self._hooked():
            steps = rounds(self._reading(self.run.batches))
            while True:
                self._now.clear()  # what an evaluation wrote is no part of training
                began = time.monotonic()
                step = next(steps, None)
                if step is None:
                    return
                self._now |= {"rounds": 1, "seconds": time.monotonic() - began}
                self._book(step.phase.name)
                yield step

    def _book(self, phase: str) -> None:
        counts = self._spent.setdefault(phase, dict.fromkeys(COUNTED, 0.0))
        for name, value in self._now.items():
            counts[name] = counts[name] + value

    def _reading(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self._now["read"] += batch.valid.sum()
            yield batch

    @contextmanager
    def _hooked(self) -> Iterator[None]:
        """Every generator tells what it writes, also a slow copy that some estimator keeps, and every optimizer when it
        steps."""
        parts = {id(part): part for module in self.run.modules.values() for part in module.modules()}
        generators = [part for part in parts.values() if isinstance(part, Generator)]
        handles = []
        for (_, player), optimizer in self.run.optimizers.items():
            kind = "steps" if player.split(".")[0] == "generator" else "other_steps"
            handles.append(optimizer.register_step_post_hook(self._stepping(kind)))
        for generator in generators:
            for name, count in (("sample", _Counted), ("rollouts", _CountedRollouts)):
                setattr(generator, name, count(getattr(generator, name), self._write))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            for generator in generators:
                del generator.sample, generator.rollouts

    def _stepping(self, kind: str) -> Callable[..., None]:
        def stepped(*_: Any) -> None:
            self._now[kind] += 1

        return stepped

    def _write(self, tokens: Tensor) -> None:
        self._now["written"] += tokens


@dataclass
class _Counted:
    """A generator's `sample` that tells how many tokens it drew."""

    method: Callable[..., Any]
    tell: Callable[[Tensor], None]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        made: Samples = self.method(*arguments, **options)
        self.tell(made.chosen.sum())
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> _Counted:
        """Of a copied generator, that generator's own method; told to the same meter."""
        return type(self)(copy.deepcopy(self.method, memo), self.tell)


class _CountedRollouts(_Counted):
    """The same of `rollouts`: what stands behind the prefixes."""

    def __call__(self, *arguments: Any, **options: Any) -> Iterator[Rollouts]:
        for part in self.method(*arguments, **options):
            positions = torch.arange(part.samples.chosen.shape[1], device=part.prefix.device)
            self.tell((part.samples.chosen & (positions >= part.prefix.unsqueeze(1))).sum())
            yield part
