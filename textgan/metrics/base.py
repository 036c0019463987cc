"""Defines what a metric sees and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textgan.core.roles import Generator
from textgan.core.types import Samples
from textgan.data.corpus import Corpus


@dataclass(frozen=True)
class Evaluation:
    """What a metric may look at. One set of samples serves all metrics.

    Args:
        generator: in evaluation mode.
        samples: N generated sequences, ids.
        texts: the same, decoded.
        corpus: train, validation, test (ids and decoded), tokenizer, oracle.
    """

    generator: Generator
    samples: Samples
    texts: Sequence[str]
    corpus: Corpus


class Metric(ABC):
    """Computes evaluation metrics for a generator. Called without gradients and with random numbers of its own."""

    requires: ClassVar[frozenset[str]] = frozenset()
    """Capabilities of the source ("oracle", "grammar") or of the generator ("log_prob", ...) that it needs."""
    default: ClassVar[bool] = True
    """Whether a recipe that lists no metrics uses it; False for what is slow or seldom wanted."""

    @abstractmethod
    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        """Returns name -> value. The class's docstring says each name's direction and meaning."""

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        """Returns name -> which direction is better, for the names that have one."""
        return {}

    def signature(self) -> str:
        """Returns in one line how the numbers were computed, if comparing them depends on a convention."""
        return ""
