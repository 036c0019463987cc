"""Best-of-n sampling: keeps the sample that a discriminator scores highest."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.options import PositiveInt
from textgan.core.roles import Decoding, Discriminator, Generator
from textgan.core.types import Batch, Samples
from textgan.ops.masked import masked_mean_rows


class BestOf(Decoding):
    """Samples n sequences for each row and keeps the one that the discriminator scores highest.

    This is the control that adversarial training must beat: it uses the discriminator at the cost of n samples, and
    takes no gradient from it. Scores of tokens are averaged over the sequence. At n = 1, it is ancestral sampling.

    Args:
        n: number of sequences to choose from.
    """

    def __init__(self, discriminator: Discriminator, n: PositiveInt = 4) -> None:
        self.discriminator, self.n = discriminator, n

    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        best = generator.sample(batch)
        best_score = self._score(best)
        for _ in range(self.n - 1):
            other = generator.sample(batch)
            score = self._score(other)
            better = (score > best_score).unsqueeze(1)  # [B,1]
            best_score = torch.maximum(score, best_score)
            best = Samples(
                torch.where(better, other.x, best.x),
                torch.where(better, other.valid, best.valid),
                torch.where(better, other.chosen, best.chosen),
            )
        return generator.decode(best)

    def _score(self, samples: Samples) -> Tensor:
        """Computes the mean score of each sequence, [B]."""
        logits, weight = self.discriminator.score(samples)
        return masked_mean_rows(logits, weight)
