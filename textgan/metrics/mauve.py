"""MAUVE: the divergence between two sets of texts, over clusters of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.data.corpus import Corpus, Split
from textgan.metrics.base import Evaluation, Metric
from textgan.nn.language_model import ROWS, LanguageModel

Floats = NDArray[np.float64]
SCALE = 5.0
"""c of the paper: a divergence KL becomes the coordinate exp(-c KL)."""
MIXTURES = 25
"""Points of the curve between its ends."""
FEWEST = 40
"""Samples and test sentences that are needed."""
ITERATIONS = 25
"""Most iterations of k-means."""


class Mauve(Metric):
    """Computes MAUVE, the area under the divergence curve between the samples and the test split.

    Pillutla et al. 2021, arXiv:2102.01454.

    - `mauve`: 0 to 1, higher is closer. The mean over several k-means, since one depends on its initial centres.
    - `mauve_spread`: the standard deviation between them.
    - `mauve_real`: the same for an equal number of training sentences instead of samples: the value of real text. It is
      not 1, since clusters of few sentences differ by chance. Samples with a value near it cannot be distinguished from
      real text in this way.

    **Differences from the released program.** Sentences are represented by the last state of an LSTM that is trained
    during the evaluation on the training split, not by that of GPT-2, so figures are not comparable with published
    ones. There is no principal component analysis; vectors are only normalised to length 1. There is one cluster for
    each 10 sentences of a side, at most `clusters`. 1/2 is added to each cluster's count on both sides (Krichevsky &
    Trofimov, as the authors recommend in arXiv:2212.14578); otherwise an empty cluster would be infinitely distant.
    The program's k-means, its initial centres and the mean over several are replaced by those here.

    Figures compare only on the same data, with equal numbers of samples and the same options.

    Args:
        steps: training steps of the LSTM, with 256 sentences.
        hidden_dim: size of its states.
        clusters: most clusters.
        seeds: number of k-means runs.
    """

    default: ClassVar[bool] = False

    def __init__(
        self,
        *,
        steps: PositiveInt = 100,
        hidden_dim: PositiveInt = 128,
        clusters: PositiveInt = 200,
        seeds: PositiveInt = 5,
    ) -> None:
        self.steps, self.hidden_dim, self.clusters, self.seeds = steps, hidden_dim, clusters, seeds
        self._split: Split | None = None
        self._encoder: LanguageModel | None = None
        self._real: dict[int, float] = {}
        self._used = (0, 0)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        corpus, samples = evaluation.corpus, evaluation.samples
        count = min(len(samples), len(corpus.test.texts))
        if count < FEWEST:
            raise UserError(
                f"evaluate.metrics=mauve: {len(samples)} samples and {len(corpus.test.texts)} test sentences are "
                f"too few; expected at least {FEWEST} of each"
            )
        encoder = self._fit_encoder(corpus)
        test = last_states(encoder, corpus.test.batch.tokens[:count], corpus.test.batch.valid[:count])
        generated = last_states(encoder, samples.x[:count], samples.valid[:count])
        if count not in self._real:
            # `count` of them, evenly spread: all, where there are no more.
            rows = torch.linspace(0, len(corpus.train.texts) - 1, min(count, len(corpus.train.texts))).long()
            train = corpus.train.batch[rows]
            real = last_states(encoder, train.tokens, train.valid)
            self._real[count] = float(self._scores(real, test).mean())
        scores = self._scores(generated, test)
        return {"mauve": float(scores.mean()), "mauve_spread": float(scores.std()), "mauve_real": self._real[count]}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"mauve": "higher"}

    def signature(self) -> str:
        rows, clusters = self._used
        return f"mauve-own|lstm:{self.hidden_dim}|steps:{self.steps}|rows:{rows}|clusters:{clusters}|seeds:{self.seeds}"

    def _fit_encoder(self, corpus: Corpus) -> LanguageModel:
        """Returns the model of the training split: trained once for all evaluations, from a seed of its own."""
        if self._encoder is None or self._split is not corpus.train:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                train = corpus.train.batch
                model = LanguageModel(corpus.vocab.size, hidden_dim=self.hidden_dim)
                self._encoder, self._split = model.fit(train.tokens, train.valid, self.steps), corpus.train
            self._real = {}
        return self._encoder

    def _scores(self, one: Tensor, other: Tensor) -> Floats:
        """Computes MAUVE of two sets of vectors for each k-means over both together, [seeds]."""
        points = functional.normalize(torch.cat([one, other]), dim=1)
        clusters = max(2, min(self.clusters, min(len(one), len(other)) // 10))
        self._used = (len(other), clusters)
        scores = []
        for seed in range(self.seeds):
            assigned = k_means(points, clusters, seed)
            p, q = (
                torch.bincount(part, minlength=clusters).double().numpy()
                for part in assigned.split([len(one), len(other)])
            )
            scores.append(area((p + 0.5) / (p + 0.5).sum(), (q + 0.5) / (q + 0.5).sum()))
        return np.array(scores)


def last_states(model: LanguageModel, tokens: Tensor, valid: Tensor) -> Tensor:
    """Returns the model's state before each sentence's last token, which is its end if it has ended, [N,H]."""
    states = []
    for rows, valid_rows in zip(tokens.split(ROWS), valid.split(ROWS), strict=True):
        _, features = model(rows, valid_rows)
        last = (valid_rows.sum(1) - 1).clamp_min(0)
        states.append(features[torch.arange(len(rows)), last])
    return torch.cat(states)


def k_means(points: Tensor, clusters: int, seed: int) -> Tensor:
    """Clusters points [N,H] by k-means, [N]. Starts at random points and stops when the assignment is stable."""
    rng = torch.Generator().manual_seed(seed)
    centres = points[torch.randperm(len(points), generator=rng)[:clusters]]
    assigned = torch.full((len(points),), -1)
    for _ in range(ITERATIONS):
        # The nearest by |p|² - 2pc + |c|², whose first term is the same for all centres.
        nearest = torch.addmm(centres.square().sum(1), points, centres.T, alpha=-2).argmin(1)
        if torch.equal(nearest, assigned):
            break
        assigned = nearest
        sizes = torch.bincount(assigned, minlength=clusters).clamp_min(1).unsqueeze(1)
        sums = torch.zeros_like(centres).index_add_(0, assigned, points)
        empty = torch.bincount(assigned, minlength=clusters).unsqueeze(1) == 0
        centres = torch.where(empty, centres, sums / sizes)
    return assigned


def area(p: Floats, q: Floats) -> float:
    """Computes the area under the curve (exp(-c KL(q|r)), exp(-c KL(p|r))) over mixtures r of p and q, [K] both."""
    weights = np.linspace(1, 0, MIXTURES + 2)[1:-1, None]  # from nearly p to nearly q
    mixed = weights * p + (1 - weights) * q  # [MIXTURES,K]
    x, y = (np.exp(-SCALE * (each * np.log(each / mixed)).sum(1)) for each in (q, p))
    return float(np.trapezoid([1.0, *y, 0.0], [0.0, *x, 1.0]))
