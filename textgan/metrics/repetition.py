"""Repetition within sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from textgan.core.options import PositiveInt
from textgan.core.options import Sequence as Listed
from textgan.data.corpus import Split
from textgan.metrics.base import Evaluation, Metric, distinct_orders
from textgan.metrics.functional.ngrams import Ngrams


class Repetition(Metric):
    """Computes the share of n-grams that occurred earlier in the same sentence: `repeated1` ... , 0 to 1.

    Lower repeats less, *down to* `repeated1_test` ..., the same of the test split: real text says "the" twice, too.
    "The cat and the cat" repeats 2 of its 5 words and 1 of its 4 pairs. Repetition between sentences is what
    `self_bleu` and `distinct` measure. It grows with length, so read it with `length_mean`. 0 where no sentence
    contains an n-gram.

    Args:
        orders: lengths of the n-grams, in words; each has a score of its own.
    """

    default = False

    def __init__(self, *, orders: Listed[PositiveInt] = (1, 2, 3)) -> None:
        self.orders = distinct_orders(orders, "repetition")
        self._split: Split | None = None
        self._test: Mapping[int, float] = {}

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        if self._split is not evaluation.corpus.test:
            self._split = evaluation.corpus.test
            self._test = self._repeated(self._split.texts)
        generated = self._repeated(evaluation.texts)
        test = {f"repeated{n}_test": self._test[n] for n in self.orders}
        return {f"repeated{n}": generated[n] for n in self.orders} | test

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"repeated{n}": "lower" for n in self.orders}

    def signature(self) -> str:
        return f"repeated-{','.join(map(str, self.orders))}|within:sentence|tok:words|case:as-is"

    def _repeated(self, texts: Sequence[str]) -> Mapping[int, float]:
        tables = Ngrams.count(texts, self.orders[-1]).tables
        times = {n: tables[n - 1].times for n in self.orders}
        return {n: float((each - 1).sum() / max(1, each.sum())) for n, each in times.items()}
