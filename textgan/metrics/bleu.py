"""BLEU and self-BLEU in the convention of the text GAN field: means over sentences, by `metrics.functional.bleu`.

Words are those of the decoded text: an unknown token that the tokenizer writes out counts as a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Literal

from textgan.core.errors import UserError
from textgan.core.options import PositiveInt, Sequence
from textgan.data.corpus import Split
from textgan.metrics.base import Evaluation, Metric, distinct_orders, nonempty_split
from textgan.metrics.functional.bleu import References, leave_one_out


class Bleu(Metric):
    """Computes the BLEU of samples against held-out text: `bleu2` ... `bleu5`, 0 to 1, higher is better.

    The references are the whole test split, never the training text, which a copying generator matches
    perfectly. BLEU says nothing about diversity: one good sentence repeated scores as well as many. Read it
    with `self_bleu`. It rises with the number of references, so compare figures only where the signatures
    agree.

    Args:
        orders: longest n-grams; each has a score of its own, over the n-grams of 1 to that many words.
    """

    def __init__(self, *, orders: Sequence[PositiveInt] = (2, 3, 4, 5)) -> None:
        self.orders = distinct_orders(orders, "bleu")
        self._split: Split | None = None
        self._references = References.count([], 0)
        self._sizes = ("test", "samples")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        split = nonempty_split(evaluation.corpus, "test", "bleu")
        if self._split is not split:
            self._split, self._references = split, References.count(split.texts, self.orders[-1])
        self._sizes = (str(len(split.texts)), str(len(evaluation.texts)))
        scores = self._references.scores(evaluation.texts)
        return {f"bleu{n}": float(scores[n - 1].mean()) for n in self.orders}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"bleu{n}": "higher" for n in self.orders}

    def signature(self) -> str:
        references, hypotheses = self._sizes
        return _signature("bleu", self.orders, references, hypotheses)


class SelfBleu(Metric):
    """Computes the BLEU of samples against each other: `self_bleu2` ... `self_bleu5`, 0 to 1, lower is more diverse.

    Each sample is scored against all the *other* samples of the same set. (With itself among its references
    every sample scores 1; well-known code does that, or compares with samples of an earlier evaluation.) Two
    equal samples do score 1. It rises with the number of samples; the score of that many real sentences is the
    value to aim at, not 0.

    Args:
        orders: longest n-grams; each has a score of its own, over the n-grams of 1 to that many words.
    """

    def __init__(self, *, orders: Sequence[PositiveInt] = (2, 3, 4, 5)) -> None:
        self.orders = distinct_orders(orders, "self_bleu")
        self._size: int | None = None

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        size = len(evaluation.texts)
        if size < 2:
            raise UserError(
                f"evaluate.samples={size}: too few for self_bleu, which compares samples with each other; "
                "expected at least 2"
            )
        self._size = size
        scores = leave_one_out(evaluation.texts, self.orders[-1])
        return {f"self_bleu{n}": float(scores[n - 1].mean()) for n in self.orders}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"self_bleu{n}": "lower" for n in self.orders}

    def signature(self) -> str:
        if self._size is None:
            return _signature("self-bleu", self.orders, "others", "samples")
        return _signature("self-bleu", self.orders, f"{self._size - 1} others", str(self._size))


def _signature(name: str, orders: Sequence[int], references: str, hypotheses: str) -> str:
    consecutive = len(orders) > 1 and orders[-1] - orders[0] == len(orders) - 1
    shown = f"{orders[0]}..{orders[-1]}" if consecutive else ",".join(map(str, orders))
    return (
        f"{name}-{shown}|refs:{references}|hyps:{hypotheses}|smooth:method1|tok:words|case:as-is"
        f"|mean-of-sentences|textgan {version('textgan')}"
    )
