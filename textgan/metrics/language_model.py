"""Quality and coverage by language models that are trained during the evaluation: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from textgan.core.options import PositiveInt
from textgan.data.corpus import Corpus, Split
from textgan.metrics.base import Evaluation, Metric, nonempty_split
from textgan.nn.language_model import LanguageModel


class LanguageModelScores(Metric):
    """Scores the samples by a language model of real text, and real text by a language model of the samples.

    - `lm_score`: nats per token of the samples under an LSTM trained on the training split. Lower is likelier text,
      *down to* `lm_score_test`, the score of held-out text; one sentence repeated may score better still. It replaces
      the oracle where no oracle is known (Zhao et al. 2018, arXiv:1706.04223; Cífka et al. 2018, arXiv:1804.07972).
    - `reverse_lm_score`: nats per token of the test split under an LSTM trained on the samples; lower is better. It
      needs quality and diversity alike: a model of the samples cannot predict what they never contain. It falls with
      the number of samples, so compare figures of equal numbers.
    - `frechet`: squared Fréchet distance between the samples and the test split, of their mean states in the first
      LSTM, both assumed to be normal (Semeniuta et al. 2018, arXiv:1806.04936, with a different encoder). 0 to inf,
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
        self._real_lm: LanguageModel | None = None
        self._test_nll, self._test_states = 0.0, torch.empty(0)
        self._count = "samples"

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        corpus, samples = evaluation.corpus, evaluation.samples
        test = nonempty_split(corpus, "test", "language_model").batch
        real_lm = self._model_of_real_text(corpus)
        self._count = str(len(samples))
        model = LanguageModel(corpus.vocab.size, hidden_dim=self.hidden_dim)
        samples_lm = model.fit(samples.x, samples.valid, self.steps)
        return {
            "lm_score": real_lm.nll(samples.x, samples.valid),
            "lm_score_test": self._test_nll,
            "reverse_lm_score": samples_lm.nll(test.tokens, test.valid),
            "frechet": frechet(real_lm.represent(samples.x, samples.valid), self._test_states),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"lm_score": "lower", "reverse_lm_score": "lower", "frechet": "lower"}

    def signature(self) -> str:
        return f"language-model|lstm:{self.hidden_dim}|steps:{self.steps}|samples:{self._count}|eos:counted|pad:skipped"

    def _model_of_real_text(self, corpus: Corpus) -> LanguageModel:
        """Returns the model of the training split: trained once for all evaluations, from a seed of its own."""
        if self._real_lm is None or self._split is not corpus.train:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                train, test = corpus.train.batch, corpus.test.batch
                model = LanguageModel(corpus.vocab.size, hidden_dim=self.hidden_dim)
                self._real_lm = model.fit(train.tokens, train.valid, self.steps)
            self._test_nll = self._real_lm.nll(test.tokens, test.valid)
            self._test_states = self._real_lm.represent(test.tokens, test.valid)
            self._split = corpus.train
        return self._real_lm


def frechet(one: Tensor, other: Tensor) -> float:
    """Computes |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½) of two sets of vectors (Heusel et al. 2017).

    Args:
        one: [N,H].
        other: [M,H].
    """
    first, second = (vectors.double().numpy() for vectors in (one, other))
    difference = first.mean(0) - second.mean(0)
    c1, c2 = (np.atleast_2d(np.cov(vectors, rowvar=False)) for vectors in (first, second))
    # The trace of (C1 C2)^½ is the sum of the roots of the eigenvalues of C1^½ C2 C1^½, which is symmetric.
    values, basis = scipy.linalg.eigh(c1)
    root = basis * np.sqrt(values.clip(0)) @ basis.T
    trace = np.sqrt(scipy.linalg.eigvalsh(root @ c2 @ root).clip(0)).sum()
    return float(max(0.0, difference @ difference + np.trace(c1) + np.trace(c2) - 2 * trace))
