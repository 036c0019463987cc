"""Feature matching by kernels: TextGAN's loss."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from textgan.losses import functional
from textgan.core.options import NonNegativeFloat, PositiveFloat, Sequence
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples

ROWS = 4096
"""Fakes whose features are compared at once."""


class Mmd(AdversarialLoss):
    """TextGAN's game: are the features of written text distributed like those of real text?

    MMD^2 = mean k(real, real') + mean k(fake, fake') - 2 mean k(real, fake) of the discriminator's features, with the
    sum of a Gaussian kernel of each bandwidth, k(f, g) = sum_s exp(-|f - g|^2 / 2 s^2). The discriminator minimises
    the cross-entropy minus matching * MMD^2, the generator MMD^2 (Zhang et al. 2017, arXiv:1706.03850). The paper's
    third term, which rebuilds the generator's noise from its text, needs noise and is left out.

    A fake earns the witness function, mean k(fake, real) - mean k(fake, other fakes), with the others held still: its
    gradient, by paths or by scores, is that of -1/2 MMD^2. The others are the batch's fakes, at most as many as there
    are reals. It is a reward of sequences, whatever the discriminator judges.

    Args:
        bandwidths: s of each kernel, in units of the typical distance (root mean square) between the real features of
            the batch, so that they fit features of any size.
        matching: weight of MMD^2 in the discriminator's loss; 0 leaves a discriminator that is trained to classify.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"features"})

    def __init__(self, bandwidths: Sequence[PositiveFloat] = (0.5, 1.0, 2.0), matching: NonNegativeFloat = 1.0) -> None:
        if not bandwidths:
            raise ValueError("bandwidths is empty; a kernel needs at least one")
        self.bandwidths = tuple(bandwidths)
        self.matching = matching

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.both(d, real, fake)
        ours, theirs = d.features(real), d.features(fake)
        unit = _unit(ours)
        within = self.kernel(ours, ours, unit).mean() + self.kernel(theirs, theirs, unit).mean()
        distance = within - 2 * self.kernel(ours, theirs, unit).mean()
        value = functional.cross_entropy(on_real, on_fake) - self.matching * distance
        stats = {"d_loss": value.detach(), "d_mmd": distance.detach()}
        return Loss(value, {**stats, **functional.accuracies(on_real, on_fake)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        with torch.no_grad():
            ours = d.features(real)  # [N,F]
            unit = _unit(ours)
            others = d.features(fake[: len(real)])  # [M,F]
        with torch.set_grad_enabled(fake.x.requires_grad):
            pieces = [fake[i : i + ROWS] for i in range(0, len(fake), ROWS)]
            worth = [self._likeness(d.features(piece), ours, others, unit) for piece in pieces]
            alike, crowd = torch.cat(worth).unbind(1)  # [B]
        own = torch.arange(len(fake), device=crowd.device) < len(others)  # one of the others is itself, k(f, f)
        crowd = (crowd - len(self.bandwidths) * own) / (len(others) - own.long()).clamp_min(1)
        return (alike / len(ours) - crowd).unsqueeze(1)

    def _likeness(self, features: Tensor, ours: Tensor, others: Tensor, unit: Tensor) -> Tensor:
        """What each likeness to real text and to other fakes adds up to, [R,2]."""
        return torch.stack([self.kernel(features, those, unit).sum(1) for those in (ours, others)], 1)

    def kernel(self, first: Tensor, second: Tensor, unit: Tensor) -> Tensor:
        """The sum of the kernels of all bandwidths. [R,F], [N,F] -> [R,N]."""
        lengths = first.square().sum(1, keepdim=True) + second.square().sum(1)  # [R,N]
        apart = (lengths - 2 * first @ second.T).clamp_min(0) / unit.square()
        total = torch.zeros_like(apart)
        for bandwidth in self.bandwidths:
            total = total + torch.exp(apart / (-2 * bandwidth**2))
        return total


@torch.no_grad()
def _unit(features: Tensor) -> Tensor:
    """How far two rows are apart, as a root mean square; for rows that are all but equal a hundredth of their size."""
    spread = 2 * features.var(0, correction=0).sum()
    return spread.clamp_min(1e-4 * features.square().sum(1).mean()).clamp_min(1e-12).sqrt()
