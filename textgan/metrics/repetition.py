"""Whether sentences say the same thing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from textgan.data.corpus import Split
from textgan.core.errors import UserError
from textgan.metrics.functional.ngrams import Ngrams
from textgan.core.options import PositiveInt
from textgan.core.options import Sequence as Listed
from textgan.metrics.base import Evaluation, Metric


class Repetition(Metric):
    """N-grams that stood in the same sentence before, over all n-grams: `repeated1` ... , 0 to 1.

    Lower repeats less, *down to* `repeated1_test` ..., the same of the test split: real text says "the" twice, too.
    "The cat and the cat" repeats 2 of its 5 words and 1 of its 4 pairs. Repetition between sentences is what
    `self_bleu` and `distinct` see. It grows with length, so look at `length_mean` beside it. 0 where no sentence holds
    an n-gram.

    Args:
        orders: lengths of the n-grams, in words; each has a score of its own.
    """

    default = False

    def __init__(self, *, orders: Listed[PositiveInt] = (1, 2, 3)) -> None:
        if not orders:
            raise UserError("repetition: orders is empty; name at least one order, such as [2]")
        self.orders = tuple(sorted(set(orders)))
        self._split: Split | None = None
        self._test: Mapping[int, float] = {}

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        if self._split is not evaluation.corpus.test:
            self._split = evaluation.corpus.test
            self._test = self._repeated(self._split.texts)
        ours = self._repeated(evaluation.texts)
        test = {f"repeated{n}_test": self._test[n] for n in self.orders}
        return {f"repeated{n}": ours[n] for n in self.orders} | test

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"repeated{n}": "lower" for n in self.orders}

    def signature(self) -> str:
        return f"repeated-{','.join(map(str, self.orders))}|within:sentence|tok:words|case:as-is"

    def _repeated(self, texts: Sequence[str]) -> Mapping[int, float]:
        tables = Ngrams.count(texts, self.orders[-1]).tables
        times = {n: tables[n - 1].times for n in self.orders}
        return {n: float((each - 1).sum() / max(1, each.sum())) for n, each in times.items()}
