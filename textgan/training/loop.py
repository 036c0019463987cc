"""Trains in phases, rounds and turns.

A run is a list of phases. A phase plays its turns once a round. A turn has one objective and the players it updates.

Read `train` first, then `play`. The loop is a generator: its caller logs, evaluates, saves and stops.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textgan.core.roles import Objective
from textgan.core.types import Batch


@dataclass(frozen=True)
class ParameterUpdate:
    """Holds one player's parameters and how they are updated.

    Args:
        player: the module to put into training mode.
        parameters: the parameters to update.
        optimizer: of these parameters alone.
        clip: largest global gradient norm; None does not clip.
    """

    player: nn.Module
    parameters: Sequence[nn.Parameter]
    optimizer: torch.optim.Optimizer
    clip: float | None = None

    def step(self) -> None:
        """Clips the gradients and takes one optimizer step."""
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()


@dataclass(frozen=True)
class Turn:
    """Holds one objective and the players that it updates.

    Args:
        objective: yields losses, one per optimizer step.
        updates: the players that are updated.
        frozen: parameters of all other players, for which no gradient is computed.
        times: how often the turn is played in a round.
        every: the turn is played in every n-th round of its phase, starting with the first.
    """

    objective: Objective
    updates: Sequence[ParameterUpdate]
    frozen: Sequence[nn.Parameter] = ()
    times: int = 1
    every: int = 1


@dataclass(frozen=True)
class Phase:
    """Holds the turns that are played in each of its rounds.

    Args:
        name: the phase's name in the recipe.
        rounds: how many rounds it has.
        turns: played in this order.
        open: whether it continues after its rounds, for as long as the caller reads the loop. An option that is
            annealed over its rounds then keeps its last value.
    """

    name: str
    rounds: int
    turns: Sequence[Turn]
    open: bool = False


@dataclass(frozen=True)
class Progress:
    """Says how far a run is.

    Args:
        phase: index of the current phase.
        round: finished rounds of that phase.
        global_round: finished rounds of all phases together.
    """

    phase: int = 0
    round: int = 0
    global_round: int = 0


@dataclass(frozen=True)
class RoundResult:
    """Describes a finished round.

    Args:
        progress: including this round.
        phases: all phases of the run.
        stats: scalars, averaged over the round's steps, still on the device.
        budget: the share of a budget that is spent; 1 or more says that this was the last round.
    """

    progress: Progress
    phases: Sequence[Phase]
    stats: Mapping[str, Tensor]
    budget: float = 0.0

    @property
    def phase(self) -> Phase:
        """The round's phase."""
        return self.phases[self.progress.phase]

    @property
    def ends_phase(self) -> bool:
        """Whether this was the last round of its phase."""
        return self.budget >= 1 or (not self.phase.open and self.progress.round == self.phase.rounds)

    def follows(self, phase: str) -> bool:
        """Returns whether the named phase precedes the round's own."""
        return phase in [earlier.name for earlier in self.phases[: self.progress.phase]]


def train(phases: Sequence[Phase], batches: Iterator[Batch], start: Progress | None = None) -> Iterator[RoundResult]:
    """Plays the remaining rounds and yields the result of each.

    Args:
        phases: all phases of the run.
        batches: real text; each objective reads what it needs.
        start: the finished rounds, which are not played again; default none.
    """
    progress = start or Progress()
    for index, phase in enumerate(phases[progress.phase :], start=progress.phase):
        first = progress.round if index == progress.phase else 0
        for finished in itertools.count(first) if phase.open else range(first, phase.rounds):
            stats: dict[str, Tensor] = {}
            for turn in phase.turns:
                if finished % turn.every == 0:
                    stats |= play(turn, batches)
            progress = Progress(index, finished + 1, progress.global_round + 1)
            yield RoundResult(progress, phases, stats)


def play(turn: Turn, batches: Iterator[Batch]) -> Mapping[str, Tensor]:
    """Plays a turn `times` times, with one optimizer step per loss. Returns the mean of each statistic."""
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = defaultdict(int)
    for update in turn.updates:
        update.player.train(turn.objective.dropout)
    for parameter in turn.frozen:
        parameter.requires_grad_(False)
    try:
        for loss in (loss for _ in range(turn.times) for loss in turn.objective.losses(batches)):
            for update in turn.updates:
                update.optimizer.zero_grad()
            loss.value.backward()
            for update in turn.updates:
                update.step()
            for name, value in loss.stats.items():
                sums[name] = sums[name] + value if name in sums else value
                counts[name] += 1
    finally:
        for parameter in turn.frozen:
            parameter.requires_grad_(True)
        for update in turn.updates:
            update.player.eval()
    return {name: total / counts[name] for name, total in sums.items()}
