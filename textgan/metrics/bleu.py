"""BLEU and self-BLEU as the text GAN field compares them, exact and in linear time.

The convention is that of Texygen (Zhu et al. 2018, arXiv:1802.01886) and its successors: BLEU (Papineni et
al. 2002) of each sentence, every sentence of the test split being a reference; uniform weights; a precision
of 0 becomes 0.1 / (number of n-grams) (method 1 of Chen and Cherry 2014, with NLTK's epsilon); the brevity
penalty against the closest reference length, the shorter of two; averaged over sentences. It equals NLTK's
`sentence_bleu` with `SmoothingFunction().method1`. It is *not* corpus BLEU, and not comparable with it.

A sentence that shares no word with its references scores 0, and so does an empty one. One that is shorter
than n words counts as having one n-gram that matches nothing. Words are those of the decoded text: where the
tokenizer writes an unknown token, it is a word like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from textgan.data.corpus import Split
from textgan.errors import UserError
from textgan.ngrams import Ids, Ngrams
from textgan.options import PositiveInt, Sequence
from textgan.roles import Evaluation, Metric

Floats = NDArray[np.float64]
EPSILON = 0.1


class Bleu(Metric):
    """Likeness of samples to held-out text: `bleu2` ... `bleu5`, 0 to 1, higher is better.

    The references are the whole test split, never the training text, which a copying generator matches
    perfectly. BLEU says nothing about diversity: one good sentence repeated scores as well as many. Read it
    beside `self_bleu`. It rises with the number of references, so compare figures only where the signatures
    agree.

    Args:
        orders: longest n-grams; each has a score of its own, over the n-grams of 1 to that many words.
    """

    def __init__(self, *, orders: Sequence[PositiveInt] = (2, 3, 4, 5)) -> None:
        self.orders = _sorted(orders, "bleu")
        self._split: Split | None = None
        self._references = _References.count([], 0)
        self._sizes = ("test", "samples")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        split = evaluation.corpus.test
        if not len(split.texts):
            raise UserError("bleu compares samples with the test split, which is empty; give the data a test split")
        if self._split is not split:
            self._split, self._references = split, _References.count(split.texts, self.orders[-1])
        self._sizes = (str(len(split.texts)), str(len(evaluation.texts)))
        scores = self._references.scores(evaluation.texts)
        return {f"bleu{n}": float(scores[n - 1].mean()) for n in self.orders}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"bleu{n}": "higher" for n in self.orders}

    def signature(self) -> str:
        references, hypotheses = self._sizes
        return _signature("bleu", self.orders, references, hypotheses)


class SelfBleu(Metric):
    """Likeness of samples to each other: `self_bleu2` ... `self_bleu5`, 0 to 1, lower is more diverse.

    Each sample is scored against all the *other* samples of the same set. (With itself among its references
    every sample scores 1; well-known code does that, or compares with samples of an earlier evaluation.) Two
    equal samples do score 1. It rises with the number of samples; what real text of that number scores is the
    value to aim at, not 0.

    Args:
        orders: longest n-grams; each has a score of its own, over the n-grams of 1 to that many words.
    """

    def __init__(self, *, orders: Sequence[PositiveInt] = (2, 3, 4, 5)) -> None:
        self.orders = _sorted(orders, "self_bleu")
        self._size: int | None = None

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        if len(evaluation.texts) < 2:
            raise UserError(
                f"self_bleu compares samples with each other and found {len(evaluation.texts)} of them; draw at least 2"
            )
        self._size = len(evaluation.texts)
        scores = leave_one_out(evaluation.texts, self.orders[-1])
        return {f"self_bleu{n}": float(scores[n - 1].mean()) for n in self.orders}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {f"self_bleu{n}": "lower" for n in self.orders}

    def signature(self) -> str:
        if self._size is None:
            return _signature("self-bleu", self.orders, "others", "samples")
        return _signature("self-bleu", self.orders, f"{self._size - 1} others", str(self._size))


def sentence_bleu(references: Sequence[str], hypotheses: Sequence[str], highest: int) -> list[Floats]:
    """BLEU of each of S hypotheses against all references: [S] for each order from 1 to `highest`."""
    return _References.count(references, highest).scores(hypotheses)


def leave_one_out(texts: Sequence[str], highest: int) -> list[Floats]:
    """BLEU of each of S texts, at least two, against all others: [S] for each order from 1 to `highest`."""
    ngrams = Ngrams.count(texts, highest)
    matches = [table.total(np.minimum(table.times, table.largest_elsewhere()), len(texts)) for table in ngrams.tables]
    return _scores(matches, ngrams.lengths, _closest_other(ngrams.lengths))


@dataclass(frozen=True)
class _References:
    """What of the references does not depend on the hypotheses, kept from one evaluation to the next."""

    ngrams: Ngrams
    largest: tuple[Ids, ...]
    """For each order, the largest count of each n-gram in one reference; a 0 behind them, [G+1]."""
    lengths: Ids
    """The distinct lengths, ascending."""

    @classmethod
    def count(cls, texts: Sequence[str], highest: int) -> _References:
        ngrams = Ngrams.count(texts, highest)
        largest = tuple(np.append(table.largest(), 0) for table in ngrams.tables)
        return cls(ngrams, largest, np.unique(ngrams.lengths))

    def scores(self, hypotheses: Sequence[str]) -> list[Floats]:
        ngrams = Ngrams.count(hypotheses, len(self.largest))
        matches = [
            table.total(np.minimum(table.times, largest[known][table.gram]), len(hypotheses))
            for table, known, largest in zip(ngrams.tables, ngrams.ids_in(self.ngrams), self.largest, strict=True)
        ]
        return _scores(matches, ngrams.lengths, _closest(ngrams.lengths, self.lengths))


def _scores(matches: Sequence[Ids], lengths: Ids, closest: Floats) -> list[Floats]:
    """BLEU of S sentences for each order, from their matching n-grams (clipped), lengths and closest
    references.
    """
    penalty = np.minimum(0.0, 1 - closest / np.maximum(lengths, 1))  # log
    total = np.zeros(len(lengths))
    scores = []
    for n, matching in enumerate(matches, 1):
        ngrams = np.maximum(lengths - n + 1, 1)
        total += np.log(np.where(matching > 0, matching, EPSILON) / ngrams)
        scores.append(np.where(matches[0] > 0, np.exp(penalty + total / n), 0.0))
    return scores


def _closest(lengths: Ids, among: Ids) -> Floats:
    """The value in `among`, distinct and ascending, that is closest to each length, the shorter of two."""
    at = np.searchsorted(among, lengths)
    return _nearer(np.append(-np.inf, among)[at], lengths, np.append(among, np.inf)[at])


def _closest_other(lengths: Ids) -> Floats:
    """The length of another sentence that is closest to each sentence's own, the shorter of two."""
    distinct, which, count = np.unique(lengths, return_inverse=True, return_counts=True)
    other = _nearer(np.append(-np.inf, distinct[:-1]), distinct, np.append(distinct[1:], np.inf))
    return np.where(count > 1, distinct, other)[which]


def _nearer(below: Floats, value: Ids, above: Floats) -> Floats:
    return np.where(value - below <= above - value, below, above)


def _sorted(orders: Sequence[int], metric: str) -> tuple[int, ...]:
    if not orders:
        raise UserError(f"{metric}: orders is empty; name at least one order, such as [4]")
    return tuple(sorted(set(orders)))


def _signature(name: str, orders: Sequence[int], references: str, hypotheses: str) -> str:
    in_a_row = len(orders) > 1 and orders[-1] - orders[0] == len(orders) - 1
    shown = f"{orders[0]}..{orders[-1]}" if in_a_row else ",".join(map(str, orders))
    return (
        f"{name}-{shown}|refs:{references}|hyps:{hypotheses}|smooth:method1|tok:words|case:as-is"
        f"|mean-of-sentences|textgan {version('textgan')}"
    )
