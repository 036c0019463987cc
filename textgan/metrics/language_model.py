"""Quality and coverage by language models that the toolkit trains itself: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from textgan.data.corpus import Corpus, Split
from textgan.core.errors import UserError
from textgan.nn.language_model import LanguageModel
from textgan.core.options import PositiveInt
from textgan.metrics.base import Evaluation, Metric


class LanguageModelScores(Metric):
    """What a language model of real text says of the samples, and what one of the samples says of real text.

    - `lm_score`: nats per token of the samples under an LSTM trained on the training split. Lower is likelier text,
      *down to* `lm_score_test`, what held-out text scores; one sentence repeated may score better still. The oracle's
      stand-in where no oracle is known (Zhao et al. 2018, arXiv:1706.04223; Cífka et al. 2018, arXiv:1804.07972).
    - `reverse_lm_score`: nats per token of the test split under an LSTM trained on the samples; lower is better. It
      needs quality and diversity alike: what the samples never say, their model cannot expect. It falls with the number
      of samples, so compare figures of equal numbers.
    - `frechet`: squared Fréchet distance between the samples and the test split, of their mean states in the first
      LSTM, both taken for normal (Semeniuta et al. 2018, arXiv:1806.04936, with an encoder of our own). 0 to inf,
      lower is better; it is not 0 for real text, but grows as 1 / samples.

    Figures compare only on the same data with the same options.

    Args:
        steps: training steps of 256 sentences, of each of the two models.
        hidden_dim: size of their states.
    """

    default: ClassVar[bool] = False

    def __init__(self, *, steps: PositiveInt = 300, hidden_dim: PositiveInt = 128) -> None:
        self.steps, self.hidden_dim = steps, hidden_dim
        self._split: Split | None = None
        self._judge: LanguageModel | None = None
        self._test = (0.0, torch.empty(0))
        self._count = "samples"

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        corpus, samples = evaluation.corpus, evaluation.samples
        if not len(corpus.test.texts):
            raise UserError("language_model compares with the test split, which is empty; give the data a test split")
        judge = self._judged_by(corpus)
        self._count = str(len(samples))
        test = corpus.test.batch
        own = LanguageModel(corpus.vocab.size, hidden_dim=self.hidden_dim).fit(samples.x, samples.valid, self.steps)
        score, theirs = self._test
        return {
            "lm_score": judge.nll(samples.x, samples.valid),
            "lm_score_test": score,
            "reverse_lm_score": own.nll(test.tokens, test.valid),
            "frechet": frechet(judge.represent(samples.x, samples.valid), theirs),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"lm_score": "lower", "reverse_lm_score": "lower", "frechet": "lower"}

    def signature(self) -> str:
        return f"language-model|lstm:{self.hidden_dim}|steps:{self.steps}|samples:{self._count}|eos:counted|pad:skipped"

    def _judged_by(self, corpus: Corpus) -> LanguageModel:
        """The model of the training split, the same for all evaluations of it: trained once, from a seed of its own."""
        if self._judge is None or self._split is not corpus.train:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                train, test = corpus.train.batch, corpus.test.batch
                model = LanguageModel(corpus.vocab.size, hidden_dim=self.hidden_dim)
                self._judge = model.fit(train.tokens, train.valid, self.steps)
            self._test = (self._judge.nll(test.tokens, test.valid), self._judge.represent(test.tokens, test.valid))
            self._split = corpus.train
        return self._judge


def frechet(one: Tensor, other: Tensor) -> float:
    """|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½) of two sets of vectors, [N,H] and [M,H] (Heusel et al. 2017)."""
    first, second = (vectors.double().numpy() for vectors in (one, other))
    apart = first.mean(0) - second.mean(0)
    c1, c2 = (np.atleast_2d(np.cov(vectors, rowvar=False)) for vectors in (first, second))
    # The trace of (C1 C2)^½ is the sum of the roots of the eigenvalues of C1^½ C2 C1^½, which is symmetric.
    values, basis = scipy.linalg.eigh(c1)
    root = basis * np.sqrt(values.clip(0)) @ basis.T
    between = np.sqrt(scipy.linalg.eigvalsh(root @ c2 @ root).clip(0)).sum()
    return float(max(0.0, apart @ apart + np.trace(c1) + np.trace(c2) - 2 * between))
