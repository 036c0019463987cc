"""Near copies: samples that differ from a training sentence in a word or two, found without comparing all pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from textgan.core.options import Fraction
from textgan.data.corpus import Split
from textgan.metrics.base import Evaluation, Metric
from textgan.metrics.functional.ngrams import Ngrams

ORDER = 2
"""Sentences are compared by their word bigrams."""
PAIRS = 200_000
"""Pairs of sentences that are compared at once."""


class NearCopies(Metric):
    """Computes the shares of samples most of whose word bigrams occur together in one sentence of the data, 0 to 1.

    - `near_train`: samples with such a sentence in train; lower is newer. Word-for-word copies are included.
    - `near_test`: samples with one in test, which the generator has never seen.
    - `near_real_copied`: sentences of *test* with one in train: how often fresh real text comes this near by itself.

    As with `novelty`, copying is `near_train` above `near_real_copied`, and above `near_test` where the splits have the
    same size. A sentence of eight words of which one in the middle is replaced shares 5 of its 7 bigrams, one of twelve
    9 of 11. Sentences of one word have no bigram and are never near. Candidates are found by the rarest bigrams of a
    sample (prefix filtering, Chaudhuri et al. 2006), so it takes seconds for 10,000 against 10,000 sentences and is
    exact.

    Args:
        share: share of the sample's distinct bigrams that one sentence must have.
    """

    default = False

    def __init__(self, *, share: Fraction = 0.7) -> None:
        self.share = share
        self._splits: tuple[Split, Split] | None = None
        self._near_real_copied = 0.0

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        train, test = evaluation.corpus.train, evaluation.corpus.test
        if self._splits is None or self._splits[0] is not train or self._splits[1] is not test:
            self._splits = (train, test)
            self._near_real_copied = self._near(test.texts, train.texts)
        return {
            "near_train": self._near(evaluation.texts, train.texts),
            "near_test": self._near(evaluation.texts, test.texts),
            "near_real_copied": self._near_real_copied,
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"near_train": "lower"}

    def signature(self) -> str:
        return f"near-copies|order:{ORDER}|share:{self.share:g}|tok:words|case:as-is"

    def _near(self, texts: Sequence[str], known: Sequence[str]) -> float:
        return float(near(texts, known, self.share).mean()) if texts and known else 0.0


def near(texts: Sequence[str], known: Sequence[str], share: float) -> NDArray[np.bool_]:
    """Finds the texts for which one known sentence has at least a share of their distinct bigrams, [texts].

    Args:
        texts: the sentences to check.
        known: the sentences to compare with.
        share: of a text's distinct bigrams, 0 to 1.
    """
    table = Ngrams.count([*texts, *known], ORDER).tables[ORDER - 1]
    size = (len(texts) + len(known), len(table.keys))
    ones = np.ones(len(table.gram), np.int32)
    bigrams = scipy.sparse.csr_array((ones, (table.sentence, table.gram)), shape=size)
    of_texts, of_known = bigrams[: len(texts)], bigrams[len(texts) :]
    counts = np.diff(of_texts.indptr)  # [texts]
    required = np.ceil(share * counts - 1e-9).clip(1)
    # A sentence that lacks at most m of a text's bigrams has one of any m + 1 of them: look the rarest up.
    rows = np.repeat(np.arange(len(texts)), counts)
    frequency = np.bincount(of_known.indices, minlength=size[1])[of_texts.indices]
    order = np.lexsort((frequency, rows))
    rank = np.arange(len(order)) - np.repeat(of_texts.indptr[:-1], counts)
    rarest = order[rank < np.repeat(counts - required + 1, counts)]
    entries = (np.ones(len(rarest), np.int32), (rows[rarest], of_texts.indices[rarest]))
    prefixes, postings = scipy.sparse.csr_array(entries, shape=of_texts.shape), of_known.T.tocsr()
    found = np.zeros(len(texts), bool)
    candidates = np.append(0, np.cumsum(prefixes @ np.diff(postings.indptr)))  # of all texts up to each
    first = 0
    while first < len(texts):
        end = max(first + 1, int(np.searchsorted(candidates, candidates[first] + PAIRS, "right")) - 1)
        one, other = (prefixes[first:end] @ postings).nonzero()
        shared = np.asarray((of_texts[first:end][one].multiply(of_known[other])).sum(1)).ravel()
        found[first + one[shared >= required[first:end][one]]] = True
        first = end
    return found
