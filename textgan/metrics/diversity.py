"""Diversity within a set of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from textgan.core.options import PositiveInt, Sequence
from textgan.metrics.base import Evaluation, Metric, distinct_orders
from textgan.metrics.functional.ngrams import Ngrams


class Distinct(Metric):
    """Computes the share of distinct n-grams among all n-grams: `distinct1` ... `distinct3`, 0 to 1.

    Higher is more diverse. distinct-n of Li et al. 2016 (arXiv:1510.03055), over the whole set of samples at once.
    It falls as samples become more or longer, since words recur, so compare it only at equal numbers of samples and
    together with the lengths. Random words score highest of all. 0 where no sample is long enough to contain an
    n-gram.

    Args:
        orders: lengths of the n-grams, in words; each has a score of its own.
    """

    def __init__(self, *, orders: Sequence[PositiveInt] = (1, 2, 3)) -> None:
        self.orders = distinct_orders(orders, "distinct")
        self._size = "samples"

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        self._size = str(len(evaluation.texts))
        tables = Ngrams.count(evaluation.texts, self.orders[-1]).tables
        chosen = {n: tables[n - 1] for n in self.orders}
        return {f"distinct{n}": len(table.keys) / max(1, int(table.times.sum())) for n, table in chosen.items()}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"distinct{n}": "higher" for n in self.orders}

    def signature(self) -> str:
        return f"distinct-{','.join(map(str, self.orders))}|hyps:{self._size}|tok:words|case:as-is"


class Unique(Metric):
    """Computes the share of distinct samples among all samples: `unique`, 0 to 1, higher is more diverse.

    1 where no two samples are equal; one sentence repeated N times scores 1/N. It ignores that samples may differ in
    one word only. Short sentences recur in real text, too, so the same share of the test split is the value to
    compare with.
    """

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        return {"unique": len(set(evaluation.texts)) / len(evaluation.texts)}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"unique": "higher"}
