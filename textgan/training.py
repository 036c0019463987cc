"""The training loop. A run is a list of phases, a phase a list of turns, a turn one objective and what it may move.

Read `train` first, then `play`. The loop is a generator: whoever iterates it logs, evaluates, saves and stops.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textgan.roles import Objective
from textgan.types import Batch


@dataclass(frozen=True)
class Mover:
    """One player's parameters and how they are moved.

    Args:
        player: what is put into training mode.
        parameters: what is moved.
        optimizer: over just these parameters.
        clip: largest global gradient norm, or None.
    """

    player: nn.Module
    parameters: Sequence[nn.Parameter]
    optimizer: torch.optim.Optimizer
    clip: float | None = None

    def step(self) -> None:
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()


@dataclass(frozen=True)
class Turn:
    """One objective, and the players that it may move.

    Args:
        objective: yields losses, one a step.
        movers: the players that move.
        resting: parameters of all other players: no gradient is computed for them.
        times: how often it is played in a round.
        every: it is played in every n-th round of its phase, from the first.
    """

    objective: Objective
    movers: Sequence[Mover]
    resting: Sequence[nn.Parameter] = ()
    times: int = 1
    every: int = 1


@dataclass(frozen=True)
class Phase:
    """`steps` rounds of the same turns.

    Args:
        open: it goes on behind them, for as long as whoever reads the loop does. Whatever is annealed over its rounds
            has then arrived.
    """

    name: str
    steps: int
    turns: Sequence[Turn]
    open: bool = False


@dataclass(frozen=True)
class Place:
    """Where a run stands: rounds finished in this phase, and in all phases together."""

    phase: int = 0
    round: int = 0
    index: int = 0


@dataclass(frozen=True)
class Step:
    """One finished round.

    Args:
        stats: scalars, averaged over its steps, still on the device.
        budget: the share of a budget that is spent; from 1 on this was the last round.
    """

    place: Place
    phases: Sequence[Phase]
    stats: Mapping[str, Tensor]
    budget: float = 0.0

    @property
    def phase(self) -> Phase:
        """The phase that the round belongs to."""
        return self.phases[self.place.phase]

    @property
    def ends_phase(self) -> bool:
        return self.budget >= 1 or (not self.phase.open and self.place.round == self.phase.steps)

    def after(self, phase: str) -> bool:
        """Whether that phase lies behind this round's own."""
        return phase in [earlier.name for earlier in self.phases[: self.place.phase]]


class Callback(ABC):
    """Called after each round, and once before the first; may change what the next one does.

    An annealed temperature is one. It must be a function of the step alone, so that a resumed run goes on as if it had
    never stopped.
    """

    @abstractmethod
    def __call__(self, step: Step) -> None: ...


def train(phases: Sequence[Phase], batches: Iterator[Batch], start: Place | None = None) -> Iterator[Step]:
    """Plays all rounds from a place on (default: the beginning), yielding after each."""
    place = start or Place()
    for number, phase in enumerate(phases[place.phase :], start=place.phase):
        first = place.round if number == place.phase else 0
        for done in itertools.count(first) if phase.open else range(first, phase.steps):
            stats: dict[str, Tensor] = {}
            for turn in phase.turns:
                if done % turn.every == 0:
                    stats |= play(turn, batches)
            place = Place(number, done + 1, place.index + 1)
            yield Step(place, phases, stats)


def play(turn: Turn, batches: Iterator[Batch]) -> Mapping[str, Tensor]:
    """One turn, all its times: a gradient step for each loss that is yielded. Returns the mean of each statistic."""
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = defaultdict(int)
    for mover in turn.movers:
        mover.player.train(turn.objective.dropout)
    for parameter in turn.resting:
        parameter.requires_grad_(False)
    try:
        for loss in (loss for _ in range(turn.times) for loss in turn.objective.losses(batches)):
            for mover in turn.movers:
                mover.optimizer.zero_grad()
            loss.value.backward()
            for mover in turn.movers:
                mover.step()
            for name, value in loss.stats.items():
                sums[name] = sums[name] + value if name in sums else value
                counts[name] += 1
    finally:
        for parameter in turn.resting:
            parameter.requires_grad_(True)
        for mover in turn.movers:
            mover.player.eval()
    return {name: total / counts[name] for name, total in sums.items()}
