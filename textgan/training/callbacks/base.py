"""Defines callbacks: called after each round of training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgan.training.loop import RoundResult


class Callback(ABC):
    """Called after each round, and once before the first. It may change the next round, as by a lower temperature.

    A callback must be a function of the round alone, so that a resumed run is equal to one that was not stopped.
    """

    @abstractmethod
    def __call__(self, result: RoundResult) -> None:
        """Reacts to a finished round."""
