"""BLEU of sentences, exact and in linear time, in the convention of the text GAN field.

The convention is that of Texygen (Zhu et al. 2018, arXiv:1802.01886) and its successors: BLEU (Papineni et
al. 2002) of each sentence, every sentence of a corpus being a reference; uniform weights; a precision
of 0 becomes 0.1 / (number of n-grams) (method 1 of Chen and Cherry 2014, with NLTK's epsilon); the brevity
penalty against the closest reference length, the shorter of two. It equals NLTK's `sentence_bleu` with
`SmoothingFunction().method1`. It is *not* corpus BLEU, and not comparable with it.

A sentence that shares no word with its references scores 0, and so does an empty one. One that is shorter
than n words counts as having one n-gram that matches nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from textgan.metrics.functional.ngrams import Ids, Ngrams

Floats = NDArray[np.float64]
EPSILON = 0.1
"""Matches that a precision of 0 counts as."""


class Statistics(NamedTuple):
    """The sufficient statistics of the BLEU of S hypotheses.

    matches: for each order, the number of matching n-grams (clipped), [S].
    lengths: words of each hypothesis, [S].
    closest: the closest reference length, the shorter of two, [S].
    """

    matches: Sequence[Ids]
    lengths: Ids
    closest: Floats


def sentence_bleu(references: Sequence[str], hypotheses: Sequence[str], highest: int) -> list[Floats]:
    """Computes the BLEU of each hypothesis against all references.

    Args:
        references: the reference sentences, the same for all hypotheses.
        hypotheses: S sentences.
        highest: the highest order.

    Returns:
        [S] for each order from 1 to `highest`.
    """
    return References.count(references, highest).scores(hypotheses)


def leave_one_out(texts: Sequence[str], highest: int) -> list[Floats]:
    """Computes the BLEU of each text against all others.

    Args:
        texts: S sentences, at least two.
        highest: the highest order.

    Returns:
        [S] for each order from 1 to `highest`.
    """
    ngrams = Ngrams.count(texts, highest)
    matches = [table.total(np.minimum(table.times, table.largest_elsewhere()), len(texts)) for table in ngrams.tables]
    return _scores(Statistics(matches, ngrams.lengths, _closest_other(ngrams.lengths)))


@dataclass(frozen=True)
class References:
    """Counts of the reference sentences, which do not depend on the hypotheses and can be reused.

    Args:
        ngrams: the n-grams of all references.
        largest: for each order, the largest count of each n-gram in one reference, followed by a 0, [G+1].
        lengths: the distinct lengths, ascending.
    """

    ngrams: Ngrams
    largest: tuple[Ids, ...]
    lengths: Ids

    @classmethod
    def count(cls, texts: Sequence[str], highest: int) -> References:
        """Counts the n-grams of texts, for the orders from 1 to `highest`."""
        ngrams = Ngrams.count(texts, highest)
        largest = tuple(np.append(table.largest(), 0) for table in ngrams.tables)
        return cls(ngrams, largest, np.unique(ngrams.lengths))

    def scores(self, hypotheses: Sequence[str]) -> list[Floats]:
        """Computes the BLEU of each of S hypotheses, [S] for each order."""
        return _scores(self.statistics(hypotheses))

    def statistics(self, hypotheses: Sequence[str]) -> Statistics:
        """Counts the matches of each of S hypotheses, and finds the closest reference lengths."""
        ngrams = Ngrams.count(hypotheses, len(self.largest))
        matches = [
            table.total(np.minimum(table.times, largest[known][table.gram]), len(hypotheses))
            for table, known, largest in zip(ngrams.tables, ngrams.ids_in(self.ngrams), self.largest, strict=True)
        ]
        return Statistics(matches, ngrams.lengths, _closest(ngrams.lengths, self.lengths))


def _scores(statistics: Statistics) -> list[Floats]:
    """Computes BLEU from its statistics, [S] for each order."""
    matches, lengths, closest = statistics
    penalty = np.minimum(0.0, 1 - closest / np.maximum(lengths, 1))  # log
    total = np.zeros(len(lengths))
    scores = []
    for n, matching in enumerate(matches, 1):
        ngrams = np.maximum(lengths - n + 1, 1)
        total += np.log(np.where(matching > 0, matching, EPSILON) / ngrams)
        scores.append(np.where(matches[0] > 0, np.exp(penalty + total / n), 0.0))
    return scores


def _closest(lengths: Ids, among: Ids) -> Floats:
    """Finds the value in `among`, distinct and ascending, that is closest to each length, the shorter of two."""
    at = np.searchsorted(among, lengths)
    return _nearer(np.append(-np.inf, among)[at], lengths, np.append(among, np.inf)[at])


def _closest_other(lengths: Ids) -> Floats:
    """Finds the length of another sentence that is closest to each sentence's own, the shorter of two."""
    distinct, which, count = np.unique(lengths, return_inverse=True, return_counts=True)
    other = _nearer(np.append(-np.inf, distinct[:-1]), distinct, np.append(distinct[1:], np.inf))
    return np.where(count > 1, distinct, other)[which]


def _nearer(below: Floats, value: Ids, above: Floats) -> Floats:
    return np.where(value - below <= above - value, below, above)
