"""Defines what a metric sees and what it returns, and checks that metrics share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textgan.core.errors import UserError
from textgan.core.roles import Generator
from textgan.core.types import Samples
from textgan.data.corpus import Corpus, Split


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


def nonempty_split(corpus: Corpus, split: Literal["train", "validation", "test"], metric: str) -> Split:
    """Returns a split of the corpus.

    Args:
        corpus: the data.
        split: name of the split.
        metric: name of the component that needs it, for the error message.

    Raises:
        UserError: if the split is empty.
    """
    found: Split = getattr(corpus, split)
    if not len(found.batch):
        raise UserError(
            f"evaluate.metrics={metric}: the {split} split is empty; expected at least one sentence; "
            f"give the data a {split} split or leave the metric out"
        )
    return found


def distinct_orders(orders: Sequence[int], metric: str) -> tuple[int, ...]:
    """Returns the different n-gram orders, ascending.

    Args:
        orders: lengths of n-grams.
        metric: name of the component, for the error message.

    Raises:
        UserError: if there are none.
    """
    if not orders:
        raise UserError(f"{metric}.orders=[]: empty; expected at least one order, such as [2]")
    return tuple(sorted(set(orders)))
