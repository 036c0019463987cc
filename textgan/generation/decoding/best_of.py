"""Several samples, of which a discriminator chooses: what it is worth without any training against it."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.options import PositiveInt
from textgan.core.roles import Decoding, Discriminator, Generator
from textgan.core.types import Batch, Samples
from textgan.ops.masked import masked_mean_rows


class BestOf(Decoding):
    """Draws n sequences for each row and keeps the one that the discriminator holds to be the most real.

    The control that adversarial training must beat: the discriminator's knowledge at the price of n samples, with no
    gradient taken from it. A verdict for each token counts with its mean. At n = 1 it is ancestral sampling.

    Args:
        n: sequences to choose from.
    """

    def __init__(self, discriminator: Discriminator, n: PositiveInt = 4) -> None:
        self.discriminator, self.n = discriminator, n

    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        best = generator.sample(batch)
        worth = self._worth(best)
        for _ in range(self.n - 1):
            other = generator.sample(batch)
            paid = self._worth(other)
            better = (paid > worth).unsqueeze(1)  # [B,1]
            worth = torch.maximum(paid, worth)
            best = Samples(
                torch.where(better, other.x, best.x),
                torch.where(better, other.valid, best.valid),
                torch.where(better, other.chosen, best.chosen),
            )
        return generator.decode(best)

    def _worth(self, samples: Samples) -> Tensor:
        """The mean verdict of each sequence, [B]."""
        logits, weight = self.discriminator.score(samples)
        return masked_mean_rows(logits, weight)
