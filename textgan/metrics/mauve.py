"""How far apart two heaps of text are, by MAUVE's divergence curve over clusters of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from textgan.data.corpus import Split
from textgan.core.errors import UserError
from textgan.nn.language_model import ROWS, LanguageModel
from textgan.core.options import PositiveInt
from textgan.metrics.base import Evaluation, Metric

Floats = NDArray[np.float64]
SCALE = 5.0
"""c of the paper: what a divergence is multiplied with before exp(-.) makes a coordinate of it."""
MIXTURES = 25
"""Points of the curve, beside its ends."""
ROUNDS = 25
"""Of k-means, at most."""


class Mauve(Metric):
    """MAUVE: the area under the divergence curve between the samples and the test split.

    Pillutla et al. 2021, arXiv:2102.01454.

    - `mauve`: 0 to 1, higher is nearer. The mean over several k-means, for one depends on its start.
    - `mauve_spread`: the standard deviation between them.
    - `mauve_real`: the same of as many training sentences beside the test split: what real text gets here. It is not
      1, since clusters of few sentences differ by chance. What comes near it cannot be told from real text in this way.

    **How it differs from the released program.** Sentences are represented by the last state of an LSTM that is trained
    here on the training split, not by that of GPT-2, so no figure is comparable with a published one.
    There is no principal component analysis; vectors are only brought to length 1. Clusters are one for each 10
    sentences of a side, at most `clusters`, and each cluster's count on both sides is raised by 1/2 (Krichevsky &
    Trofimov, as the authors recommend in arXiv:2212.14578), or an empty cluster would be infinitely far away. The
    k-means, its starts and their mean are ours.

    Figures compare only on the same data, with equal numbers of samples and the same options.

    Args:
        steps: training steps of the LSTM, with 256 sentences.
        hidden_dim: size of its states.
        clusters: most clusters.
        seeds: how many k-means.
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
        if count < 40:
            raise UserError(f"mauve compares {count} samples with as many test sentences; it needs at least 40 of each")
        if self._encoder is None or self._split is not corpus.train:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                train = corpus.train.batch
                model = LanguageModel(corpus.vocab.size, hidden_dim=self.hidden_dim)
                self._encoder, self._split = model.fit(train.tokens, train.valid, self.steps), corpus.train
            self._real = {}
        test = last_states(self._encoder, corpus.test.batch.tokens[:count], corpus.test.batch.valid[:count])
        ours = last_states(self._encoder, samples.x[:count], samples.valid[:count])
        if count not in self._real:
            # `count` of them, evenly spread: all, where there are no more.
            rows = torch.linspace(0, len(corpus.train.texts) - 1, min(count, len(corpus.train.texts))).long()
            train = corpus.train.batch[rows]
            real = last_states(self._encoder, train.tokens, train.valid)
            self._real[count] = float(self._scores(real, test).mean())
        found = self._scores(ours, test)
        return {"mauve": float(found.mean()), "mauve_spread": float(found.std()), "mauve_real": self._real[count]}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"mauve": "higher"}

    def signature(self) -> str:
        rows, clusters = self._used
        return f"mauve-own|lstm:{self.hidden_dim}|steps:{self.steps}|rows:{rows}|clusters:{clusters}|seeds:{self.seeds}"

    def _scores(self, ours: Tensor, theirs: Tensor) -> Floats:
        """One for each k-means over both together."""
        points = functional.normalize(torch.cat([ours, theirs]), dim=1)
        clusters = max(2, min(self.clusters, min(len(ours), len(theirs)) // 10))
        self._used = (len(theirs), clusters)
        found = []
        for seed in range(self.seeds):
            owner = k_means(points, clusters, seed)
            p, q = (
                torch.bincount(part, minlength=clusters).double().numpy()
                for part in owner.split([len(ours), len(theirs)])
            )
            found.append(area((p + 0.5) / (p + 0.5).sum(), (q + 0.5) / (q + 0.5).sum()))
        return np.array(found)


def last_states(model: LanguageModel, tokens: Tensor, valid: Tensor) -> Tensor:
    """What the model has read before each sentence's last token, which is its end if it has ended, [N,H]."""
    found = []
    for rows, here in zip(tokens.split(ROWS), valid.split(ROWS), strict=True):
        _, features = model(rows, here)
        last = (here.sum(1) - 1).clamp_min(0)
        found.append(features[torch.arange(len(rows)), last])
    return torch.cat(found)


def k_means(points: Tensor, clusters: int, seed: int) -> Tensor:
    """The cluster of each of the points [N,H], [N]. Begins at random points, ends where nothing changes."""
    chance = torch.Generator().manual_seed(seed)
    centres = points[torch.randperm(len(points), generator=chance)[:clusters]]
    owner = torch.full((len(points),), -1)
    for _ in range(ROUNDS):
        # The nearest by |p|² - 2pc + |c|², of which the first is the same for all centres.
        now = torch.addmm(centres.square().sum(1), points, centres.T, alpha=-2).argmin(1)
        if torch.equal(now, owner):
            break
        owner = now
        sizes = torch.bincount(owner, minlength=clusters).clamp_min(1).unsqueeze(1)
        sums = torch.zeros_like(centres).index_add_(0, owner, points)
        empty = torch.bincount(owner, minlength=clusters).unsqueeze(1) == 0
        centres = torch.where(empty, centres, sums / sizes)
    return owner


def area(p: Floats, q: Floats) -> float:
    """The area under the curve of (exp(-c KL(q|r)), exp(-c KL(p|r))) over mixtures r of p and q, [K] both."""
    shares = np.linspace(1, 0, MIXTURES + 2)[1:-1, None]  # from nearly p to nearly q
    mixed = shares * p + (1 - shares) * q  # [MIXTURES,K]
    across, up = (np.exp(-SCALE * (one * np.log(one / mixed)).sum(1)) for one in (q, p))
    return float(np.trapezoid([1.0, *up, 0.0], [0.0, *across, 1.0]))
