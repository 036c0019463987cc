"""Samples that are training text but for a word or two, found without comparing all with all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from textgan.data.corpus import Split
from textgan.metrics.functional.ngrams import Ngrams
from textgan.core.options import Fraction
from textgan.metrics.base import Evaluation, Metric

ORDER = 2
PAIRS = 200_000
"""Pairs of sentences that are held side by side."""


class NearCopies(Metric):
    """Samples of whose pairs of neighbouring words some one sentence has nearly all. Shares, 0 to 1.

    - `near_train`: samples with such a sentence in train; lower is newer. Word-for-word copies are among them.
    - `near_test`: samples with one in test, which the generator has never seen.
    - `near_real_copied`: sentences of *test* with one in train: how often fresh real text comes so near by itself.

    As with `novelty`, copying is `near_train` above `near_real_copied`, and above `near_test` where the splits are of one
    size. A sentence of eight words of which one in the middle is another shares 5 of its 7 pairs, one of twelve 9 of
    11. Sentences of one word have no pair and are never near. Which sentences can be near at all is known from the
    rarest pairs of a sample (prefix filtering, Chaudhuri et al. 2006), so it takes seconds for 10,000 against 10,000
    and leaves none out.

    Args:
        share: of the sample's different pairs of words, how many one sentence must have.
    """

    default = False

    def __init__(self, *, share: Fraction = 0.7) -> None:
        self.share = share
        self._splits: tuple[Split, Split] | None = None
        self._recurring = 0.0

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        train, test = evaluation.corpus.train, evaluation.corpus.test
        if self._splits is None or self._splits[0] is not train or self._splits[1] is not test:
            self._splits = (train, test)
            self._recurring = self._near(test.texts, train.texts)
        return {
            "near_train": self._near(evaluation.texts, train.texts),
            "near_test": self._near(evaluation.texts, test.texts),
            "near_real_copied": self._recurring,
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"near_train": "lower"}

    def signature(self) -> str:
        return f"near-copies|order:{ORDER}|share:{self.share:g}|tok:words|case:as-is"

    def _near(self, texts: Sequence[str], known: Sequence[str]) -> float:
        return float(near(texts, known, self.share).mean()) if texts and known else 0.0


def near(texts: Sequence[str], known: Sequence[str], share: float) -> NDArray[np.bool_]:
    """For each text, whether one of the known sentences has at least that share of its different pairs, [texts]."""
    table = Ngrams.count([*texts, *known], ORDER).tables[ORDER - 1]
    size = (len(texts) + len(known), len(table.keys))
    pairs = scipy.sparse.csr_array((np.ones(len(table.gram), np.int32), (table.sentence, table.gram)), shape=size)
    ours, theirs = pairs[: len(texts)], pairs[len(texts) :]
    counts = np.diff(ours.indptr)  # [texts]
    needed = np.ceil(share * counts - 1e-9).clip(1)
    # Whoever has all but a few of a text's pairs has one of any few + 1 of them: the rarest are looked up.
    rows = np.repeat(np.arange(len(texts)), counts)
    rarity = np.bincount(theirs.indices, minlength=size[1])[ours.indices]
    order = np.lexsort((rarity, rows))
    place = np.arange(len(order)) - np.repeat(ours.indptr[:-1], counts)
    asked = order[place < np.repeat(counts - needed + 1, counts)]
    keys = (np.ones(len(asked), np.int32), (rows[asked], ours.indices[asked]))
    lookup, owners = scipy.sparse.csr_array(keys, shape=ours.shape), theirs.T.tocsr()
    found = np.zeros(len(texts), bool)
    work = np.append(0, np.cumsum(lookup @ np.diff(owners.indptr)))  # candidates of all texts up to each
    first = 0
    while first < len(texts):
        end = max(first + 1, int(np.searchsorted(work, work[first] + PAIRS, "right")) - 1)
        one, other = (lookup[first:end] @ owners).nonzero()
        shared = np.asarray((ours[first:end][one].multiply(theirs[other])).sum(1)).ravel()
        found[first + one[shared >= needed[first:end][one]]] = True
        first = end
    return found
