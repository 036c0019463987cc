"""Posterior collapse: whether a generator uses its codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch

from textgan.core.options import PositiveInt
from textgan.metrics.base import Evaluation, Metric, nonempty_split
from textgan.nn import normal

ROWS = 512
"""Sentences that are encoded at once."""
ACTIVE = 0.01
"""Variance of a posterior mean above which a unit is active."""


class Latent(Metric):
    """Computes how much of the code depends on the sentence, on the test split.

    - `active_units`: the number of code dimensions that vary with the sentence: the variance of their posterior mean,
      over sentences, exceeds 0.01 (Burda et al. 2015, arXiv:1509.00519). 0 to the code's size, higher is better; 0 is
      posterior collapse, a language model whose code carries no information.
    - `kl`: KL(q(z|x) || N(0, 1)) in nats per sentence, averaged over sentences: the most information that a code can
      hold about its sentence. 0 to inf, neither direction is better: it is part of `nll_test_bound`, so a higher one
      is good only where that does not rise.

    The variance is over at most `limit` sentences, the first of the split.

    Args:
        limit: use only that many sentences; null is all.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"posterior"})

    def __init__(self, *, limit: PositiveInt | None = 2000) -> None:
        self.limit = limit

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        batch, generator = nonempty_split(evaluation.corpus, "test", "latent").batch[: self.limit], evaluation.generator
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
