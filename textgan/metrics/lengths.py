"""Lengths of samples, and whether they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from textgan.core.types import Samples
from textgan.metrics.base import Evaluation, Metric, nonempty_split


class Lengths(Metric):
    """Computes the words per sample and per test sentence. No value is good by itself: aim at the test split's.

    - `length_mean`, `length_std`: mean and (population) standard deviation of words per sample.
    - `length_mean_test`, `length_std_test`: the same of the test split, in the same words.
    - `unfinished`: share of samples that reached the maximum length without the end-of-sequence id; 0 where
      the vocabulary has none and every sequence has the full length.
    - `empty`: share of samples without any word.

    BLEU rewards short samples up to its brevity penalty and NLL per token rewards long ones, so look here
    when either jumps.
    """

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        test = nonempty_split(evaluation.corpus, "test", "lengths")
        generated, real = _words(evaluation.texts), _words(test.texts)
        return {
            "length_mean": float(generated.mean()),
            "length_std": float(generated.std()),
            "length_mean_test": float(real.mean()),
            "length_std_test": float(real.std()),
            "unfinished": _unfinished(evaluation.samples, evaluation.corpus.vocab.eos),
            "empty": float((generated == 0).mean()),
        }


def _words(texts: Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter((len(text.split()) for text in texts), np.int64, len(texts))


def _unfinished(samples: Samples, eos: int | None) -> float:
    if eos is None:
        return 0.0
    ended = ((samples.x == eos) & samples.valid).any(1)  # [B]
    return 1 - float(ended.double().mean())
