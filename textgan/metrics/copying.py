"""Whether samples are new or stand in the training text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Literal

from textgan.data.corpus import Split
from textgan.metrics.base import Evaluation, Metric


class Novelty(Metric):
    """Which samples stand, word for word, in the data. All four are shares, 0 to 1.

    - `novelty`: samples that do not stand in train; higher is newer. Nonsense is entirely new: read it beside
      BLEU.
    - `copied_train`: samples that do, 1 - `novelty`.
    - `copied_test`: samples that stand in test, which the generator has never seen.
    - `real_copied`: sentences of *test* that stand in train.

    Why four: short sentences ("a man on a horse") recur by themselves, so a generator that knows the language
    perfectly copies a little too. It would meet train and test equally often, size for size, and train as
    often as fresh real text does. Copying is `copied_train` above `copied_test` (where both splits are of one
    size; the larger one is met more often) and above `real_copied` (unless the data removed from test what
    stands in train: then it is 0).
    """

    def __init__(self) -> None:
        self._splits: tuple[Split, Split] | None = None
        self._train: Set[str] = frozenset()
        self._test: Set[str] = frozenset()
        self._recurring = 0.0

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        self._remember(evaluation.corpus.train, evaluation.corpus.test)
        copied = _share(evaluation.texts, self._train)
        return {
            "novelty": 1 - copied,
            "copied_train": copied,
            "copied_test": _share(evaluation.texts, self._test),
            "real_copied": self._recurring,
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"novelty": "higher"}

    def _remember(self, train: Split, test: Split) -> None:
        """The splits are fixed over a run, so they are looked through once."""
        if self._splits is None or self._splits[0] is not train or self._splits[1] is not test:
            self._splits = (train, test)
            self._train, self._test = frozenset(train.texts), frozenset(test.texts)
            self._recurring = _share(test.texts, self._train)


def _share(texts: Sequence[str], known: Set[str]) -> float:
    return sum(text in known for text in texts) / max(1, len(texts))
