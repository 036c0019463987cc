"""Exact n-gram counts of many sentences, with one sort per order.

An n-gram's id is its rank among the distinct pairs (id of its first n-1 words, id of its last word), so ids
are dense integers at every order and no tuples of words are built. Words are separated by white space.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


class Table(NamedTuple):
    """The n-grams of one order: G distinct ones, in P pairs of an n-gram and a sentence that contains it.

    Pairs are sorted by n-gram, then by sentence.
    """

    keys: Ids  # [G] ascending: id of the first n-1 words * number of distinct words + id of the last word
    gram: Ids  # [P] which n-gram
    sentence: Ids  # [P] which sentence
    times: Ids  # [P] how often it occurs there, at least 1

    def total(self, values: Ids, sentences: int) -> Ids:
        """Sums values [P] over the n-grams of each sentence, [sentences]."""
        return np.bincount(self.sentence, values, sentences).astype(np.int64)

    def begins(self) -> Ids:
        """Returns the index of each n-gram's first pair, [G]."""
        return np.flatnonzero(np.diff(self.gram, prepend=-1))

    def largest(self) -> Ids:
        """Returns the largest count of each n-gram in any one sentence, [G]."""
        return np.maximum.reduceat(self.times, self.begins())

    def largest_elsewhere(self) -> Ids:
        """Returns for each pair the largest count of its n-gram in any *other* sentence, 0 if there is none, [P].

        That is the largest count of all, except for the one sentence that has it, whose result is the second largest.
        """
        largest = self.largest()[self.gram]  # [P]
        attained = np.flatnonzero(self.times == largest)
        attained = attained[np.diff(self.gram[attained], prepend=-1) != 0]  # [G], the first where several share it
        others = self.times.copy()
        others[attained] = 0
        largest[attained] = np.maximum.reduceat(others, self.begins())
        return largest


@dataclass(frozen=True)
class Ngrams:
    """The n-grams of S sentences.

    Args:
        words: each distinct word -> its id.
        lengths: [S], words in each sentence.
        tables: one for each order, from 1.
    """

    words: dict[str, int]
    lengths: Ids
    tables: tuple[Table, ...]

    @classmethod
    def count(cls, texts: Sequence[str], highest: int) -> Ngrams:
        """Counts the n-grams of `texts` up to the order `highest`, each within one sentence."""
        lengths = np.zeros(len(texts), np.int64)
        stream: list[str] = []
        for row, text in enumerate(texts):  # a list of lists would make the garbage collector slow
            sentence = text.split()
            lengths[row] = len(sentence)
            stream += sentence
        words = {word: number for number, word in enumerate(dict.fromkeys(stream))}
        ids = np.fromiter(map(words.__getitem__, stream), np.int64, len(stream))
        return cls(words, lengths, tuple(_tables(ids, lengths, len(words), highest)))

    def ids_in(self, other: Ngrams) -> Iterator[Ids]:
        """Yields for each order that both have the id in `other` of each n-gram of this object, -1 if none, [G]."""
        words = np.fromiter(map(other.words.get, self.words, repeat(-1)), np.int64, len(self.words))
        known = np.zeros(1, np.int64)  # the one n-gram of no words
        for table, other_table in zip(self.tables, other.tables, strict=False):
            first, last = np.divmod(table.keys, max(1, len(self.words)))
            first, last = known[first], words[last]
            key = first * len(other.words) + last
            at = np.searchsorted(other_table.keys, key)
            found = (first >= 0) & (last >= 0) & (np.append(other_table.keys, -1)[at] == key)
            known = np.where(found, at, -1)
            yield known


def _tables(ids: Ids, lengths: Ids, words: int, highest: int) -> Iterator[Table]:
    """Yields the table of each order. ids: the words of all sentences, concatenated; words: how many distinct ones."""
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(ids))  # words to the end of the sentence
    start = np.arange(len(ids))  # where an n-gram starts
    gram = np.zeros(len(ids), np.int64)  # the id of its first n-1 words
    for n in range(1, highest + 1):
        fits = left[start] >= n
        start, gram = start[fits], gram[fits]
        key, order = _sorted(gram * words + ids[start + n - 1])  # stable, so that sentences ascend within an n-gram
        containing = sentence[start[order]]
        new = np.diff(key, prepend=-1) != 0
        number = np.cumsum(new) - 1
        pairs = np.flatnonzero(new | (np.diff(containing, prepend=-1) != 0))
        yield Table(key[new], number[pairs], containing[pairs], np.diff(pairs, append=len(key)))
        gram[order] = number


def _sorted(key: Ids) -> tuple[Ids, Ids]:
    """Sorts non-negative integers stably; returns the sorted values and the argsort.

    NumPy's sort is several times as fast as its argsort, so, where it fits, each number carries its position in its
    lowest bits.
    """
    bits = len(key).bit_length()
    if not len(key) or int(key.max()).bit_length() + bits > 63:
        order = np.argsort(key, kind="stable")
        return key[order], order
    both = np.sort((key << bits) | np.arange(len(key)))
    return both >> bits, both & ((1 << bits) - 1)
