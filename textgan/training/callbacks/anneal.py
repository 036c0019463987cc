"""Changes an option during a run, such as a temperature that falls or a weight that grows."""

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

    Before the phase the option is `start`, after it `end`. The value depends on the round alone, so a resumed run
    continues with the same values.

    Args:
        option: a player and one of its annealable options, such as `estimator.temperature`. A player is generator,
            discriminator, estimator, or objective: the objectives of the phase that have the option.
        phase: the phase over whose rounds the option changes.
        start: value in the phase's first round.
        end: value from round `rounds` on.
        rounds: how many rounds the change takes; null is the whole phase.
        shape: "linear", or "exponential": by the same factor each round, as Jang et al. 2017 anneal the temperature of
            the Gumbel-softmax.

    Raises:
        UserError: if the run has no such player, the option is not annealable, or an exponential has an end at or
            below 0.
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
        self.option, self.player = option, player
        self.players: list[Any] = []
        if player != "objective":  # objectives are known with the first round
            players = {"generator": generator, "discriminator": discriminator, "estimator": estimator}
            if players.get(player) is None:
                known = ", ".join([name for name, found in players.items() if found is not None] + ["objective"])
                raise UserError(
                    f'anneal.option={option}: this run has no player "{player}"; expected one of: {known}; '
                    "write option=PLAYER.OPTION"
                )
            self.players = self._with_option([players[player]])
        if shape == "exponential" and not (start > 0 and end > 0):
            raise UserError(
                f"anneal.shape=exponential: start is {start} and end is {end}; expected both above 0; "
                "use shape=linear or other values"
            )
        self.phase, self.start, self.end, self.rounds, self.shape = phase, start, end, rounds, shape

    def __call__(self, result: RoundResult) -> None:
        if not self.players:
            turns = [turn for phase in result.phases if phase.name == self.phase for turn in phase.turns]
            self.players = self._with_option([turn.objective for turn in turns])
        if result.phase.name == self.phase:
            share = min(1.0, result.progress.round / (self.rounds or max(1, result.phase.rounds)))
        elif result.follows(self.phase):
            share = 1.0
        else:
            share = 0.0
        value = self.value(share)
        for player in self.players:
            current = getattr(player, self.name)
            if isinstance(current, torch.Tensor):
                current.fill_(value)
            else:
                setattr(player, self.name, value)

    def _with_option(self, players: Sequence[Any]) -> list[Any]:
        """Returns the players that have the option; raises UserError if there are none."""
        found = [player for player in players if self.name in player.annealable]
        if not found:
            annealable = sorted({name for player in players for name in player.annealable})
            raise UserError(
                f'anneal.option={self.option}: the {self.player} has no annealable option "{self.name}"'
                f"{suggest(self.name, annealable)}; expected {' or '.join(annealable) or 'another player'}; "
                "change option or leave the callback out"
            )
        return found

    def value(self, share: float) -> float:
        """Computes the option's value when a share of the rounds, from 0 to 1, is finished."""
        if self.shape == "exponential":
            return math.exp((1 - share) * math.log(self.start) + share * math.log(self.end))
        return (1 - share) * self.start + share * self.end
