"""Defines callbacks: called after each round of training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textgan.training.loop import RoundResult


class Callback(ABC):
    """Called after each round, and once before the first; may change what the next round does.

    An annealed temperature is one. A callback must be a function of the round alone, so that a resumed run continues
    as if it had never stopped.
    """

    @abstractmethod
    def __call__(self, result: RoundResult) -> None:
        """Reacts to a finished round."""
