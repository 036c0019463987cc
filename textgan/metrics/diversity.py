"""How varied samples are, within themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from textgan.core.errors import UserError
from textgan.metrics.functional.ngrams import Ngrams
from textgan.core.options import PositiveInt, Sequence
from textgan.metrics.base import Evaluation, Metric


class Distinct(Metric):
    """Distinct n-grams over all n-grams: `distinct1` ... `distinct3`, 0 to 1, higher is more diverse.

    distinct-n of Li et al. 2016 (arXiv:1510.03055), over the whole set of samples at once. It falls as
    samples become more or longer, since words recur, so compare it only at equal numbers of samples and
    beside the lengths; random words score highest of all. 0 where no sample is long enough to hold an n-gram.

    Args:
        orders: lengths of the n-grams, in words; each has a score of its own.
    """

    def __init__(self, *, orders: Sequence[PositiveInt] = (1, 2, 3)) -> None:
        if not orders:
            raise UserError("distinct: orders is empty; name at least one order, such as [2]")
        self.orders = tuple(sorted(set(orders)))
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
    """Distinct samples over all samples: `unique`, 0 to 1, higher is more diverse.

    1 where no two samples are equal; one sentence N times over scores 1/N. It is blind to samples that differ
    in a word. Short sentences recur in real text too, so the same share of the test split is the value to
    compare with.
    """

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        return {"unique": len(set(evaluation.texts)) / len(evaluation.texts)}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"unique": "higher"}
