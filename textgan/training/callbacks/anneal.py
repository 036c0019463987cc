"""An option that changes while a run goes on: a temperature that falls, a weight that grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from textgan.core.errors import UserError
from textgan.core.options import Literal, PhaseName, PositiveInt
from textgan.core.registry import suggest
from textgan.training.callbacks.base import Callback
from textgan.training.loop import RoundResult


class Anneal(Callback):
    """Moves an option of a player from one value to another over the rounds of a phase.

    Before the phase it is `start`, behind it `end`. A function of the round alone, so a resumed run goes on alike.

    Args:
        option: a player and its option, such as `estimator.temperature`; the player must allow it. A player is
            generator, discriminator, estimator, or objective: those of the phase.
        phase: over whose rounds.
        start: value in the phase's first round.
        end: value from round `rounds` on.
        rounds: how many it takes; null is the whole phase.
        shape: "linear", or "exponential", by the same factor each round, as Jang et al. 2017 cool the Gumbel-softmax.
    """

    def __init__(
        self,
        option: str,
        phase: PhaseName,
        start: float,
        end: float,
        rounds: PositiveInt | None = None,
        shape: Literal["linear", "exponential"] = "linear",
        generator: Any = None,
        discriminator: Any = None,
        estimator: Any = None,
    ) -> None:
        player, _, self.name = option.partition(".")
        self.player = player
        self.players: list[Any] = []
        if player != "objective":  # those of the phase, which it meets with the first step
            players = {"generator": generator, "discriminator": discriminator, "estimator": estimator}
            if players.get(player) is None:
                there = ", ".join([name for name, found in players.items() if found is not None] + ["objective"])
                raise UserError(f'callback "anneal": this run has no player "{player}"; it has: {there}')
            self.players = self._allowing([players[player]])
        if shape == "exponential" and not (start > 0 and end > 0):
            raise UserError('callback "anneal": exponential needs a start and an end above 0; linear takes any')
        self.phase, self.start, self.end, self.rounds, self.shape = phase, start, end, rounds, shape

    def __call__(self, result: RoundResult) -> None:
        if not self.players:
            turns = [turn for phase in result.phases if phase.name == self.phase for turn in phase.turns]
            self.players = self._allowing([turn.objective for turn in turns])
        if result.phase.name == self.phase:
            share = min(1.0, result.progress.round / (self.rounds or max(1, result.phase.rounds)))
        elif result.follows(self.phase):
            share = 1.0
        else:
            share = 0.0
        now = self.value(share)
        for player in self.players:
            value = getattr(player, self.name)
            if isinstance(value, torch.Tensor):
                value.fill_(now)
            else:
                setattr(player, self.name, now)

    def _allowing(self, players: Sequence[Any]) -> list[Any]:
        """Those whose option it is."""
        allowing = [player for player in players if self.name in player.annealable]
        if not allowing:
            moving = sorted({name for player in players for name in player.annealable})
            allowed = f"it allows {', '.join(moving)}" if moving else "it allows none"
            raise UserError(
                f'callback "anneal": the {self.player} has no option "{self.name}" that may change while it runs'
                f"{suggest(self.name, moving)} ({allowed})"
            )
        return allowing

    def value(self, share: float) -> float:
        """The value when that share of its rounds is over."""
        if self.shape == "exponential":
            return math.exp((1 - share) * math.log(self.start) + share * math.log(self.end))
        return (1 - share) * self.start + share * self.end
