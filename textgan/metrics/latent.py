"""Whether a generator uses its codes, or has learned to write without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch

from textgan.core.errors import UserError
from textgan.nn import normal
from textgan.core.options import PositiveInt
from textgan.metrics.base import Evaluation, Metric

ROWS = 512
"""Sentences that are read at once."""
ACTIVE = 0.01


class Latent(Metric):
    """How much of the code depends on the sentence, on the test split.

    - `active_units`: how many numbers of the code vary with the sentence: the variance of their posterior mean, over
      sentences, exceeds 0.01 (Burda et al. 2015, arXiv:1509.00519). 0 to the code's size, higher is better; 0 is
      posterior collapse, a language model whose code says nothing.
    - `kl`: KL(q(z|x) || N(0, 1)) in nats per sentence, averaged over sentences: the most that a code can tell of its
      sentence. 0 to inf, neither direction is better: it is part of what `nll_test_bound` costs, so a higher one is
      good only where that does not rise.

    The variance is over at most `limit` sentences, the first of the split.

    Args:
        limit: use only that many sentences; null is all.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"posterior"})

    def __init__(self, *, limit: PositiveInt | None = 2000) -> None:
        self.limit = limit

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        batch, generator = evaluation.corpus.test.batch[: self.limit], evaluation.generator
        if not len(batch):
            raise UserError("latent measures the test split, which is empty; give the data a test split")
        device = next(generator.parameters()).device
        pieces = [generator.posterior(batch[i : i + ROWS].to(device)) for i in range(0, len(batch), ROWS)]
        mean, log_variance = (torch.cat(part).double() for part in zip(*pieces, strict=True))  # [N,Z]
        return {
            "active_units": float((mean.var(0, correction=0) > ACTIVE).sum()),
            "kl": float(normal.divergence(mean, log_variance).sum(1).mean()),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"active_units": "higher"}

    def signature(self) -> str:
        return f"latent|split:test|sentences:{self.limit or 'all'}|active:variance>{ACTIVE}|kl:nats-per-sentence"
