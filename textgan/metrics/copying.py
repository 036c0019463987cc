"""Novelty: whether samples occur in the training text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Literal

from textgan.data.corpus import Split
from textgan.metrics.base import Evaluation, Metric


class Novelty(Metric):
    """Computes the shares of samples that occur, word for word, in the data. All four are shares, 0 to 1.

    - `novelty`: samples that do not occur in train; higher is newer. Nonsense is entirely new: read it with BLEU.
    - `copied_train`: samples that do, 1 - `novelty`.
    - `copied_test`: samples that occur in test, which the generator has never seen.
    - `real_copied`: sentences of *test* that occur in train.

    Why four: short sentences ("a man on a horse") recur by themselves, so a generator that knows the language
    perfectly copies a little, too. It would match train and test equally often, size for size, and train as
    often as fresh real text does. Copying is `copied_train` above `copied_test` (where both splits have the same
    size; the larger one is matched more often) and above `real_copied` (unless the data removed from test the
    sentences that also occur in train: then it is 0).
    """

    def __init__(self) -> None:
        self._splits: tuple[Split, Split] | None = None
        self._train: Set[str] = frozenset()
        self._test: Set[str] = frozenset()
        self._real_copied = 0.0

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        self._cache(evaluation.corpus.train, evaluation.corpus.test)
        copied = _share(evaluation.texts, self._train)
        return {
            "novelty": 1 - copied,
            "copied_train": copied,
            "copied_test": _share(evaluation.texts, self._test),
            "real_copied": self._real_copied,
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"novelty": "higher"}

    def _cache(self, train: Split, test: Split) -> None:
        """Indexes the splits, which are the same for all evaluations of a run, once."""
        if self._splits is None or self._splits[0] is not train or self._splits[1] is not test:
            self._splits = (train, test)
            self._train, self._test = frozenset(train.texts), frozenset(test.texts)
            self._real_copied = _share(test.texts, self._train)


def _share(texts: Sequence[str], known: Set[str]) -> float:
    return sum(text in known for text in texts) / max(1, len(texts))
