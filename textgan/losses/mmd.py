"""Feature matching by the maximum mean discrepancy (MMD): TextGAN's loss."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.options import NonNegativeFloat, PositiveFloat, Sequence
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples
from textgan.losses import functional

ROWS = 4096
"""Generated sequences whose features are compared at once."""


class Mmd(AdversarialLoss):
    """Computes TextGAN's loss, which compares the distributions of the features of real and of generated text.

    MMD^2 = mean k(real, real') + mean k(fake, fake') - 2 mean k(real, fake) of the discriminator's features, with the
    sum of a Gaussian kernel of each bandwidth, k(f, g) = sum_s exp(-|f - g|^2 / 2 s^2). The discriminator minimises
    the cross-entropy minus matching * MMD^2, the generator MMD^2 (Zhang et al. 2017, arXiv:1706.03850). The paper's
    third term, which reconstructs the generator's noise from its text, needs noise and is left out.

    The reward of a generated sequence is the witness function, mean k(fake, real) - mean k(fake, other fakes), with
    the others held constant: its gradient, by paths or by scores, is that of -1/2 MMD^2. The others are the batch's
    generated sequences, at most as many as there are real ones. It is a reward of sequences, even if the discriminator
    scores tokens.

    The gradient vanishes if generated features are many bandwidths away from all others. This happens if the real
    features nearly coincide, as the codes of an untrained autoencoder do: train the autoencoder first.

    Args:
        bandwidths: s of each kernel, in units of the typical distance (root mean square) between the real features of
            the batch, so that they fit features of any size.
        matching: weight of MMD^2 in the discriminator's loss; 0 leaves a discriminator that is trained to classify.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"features"})

    def __init__(self, bandwidths: Sequence[PositiveFloat] = (0.5, 1.0, 2.0), matching: NonNegativeFloat = 1.0) -> None:
        if not bandwidths:
            raise ValueError("bandwidths=[]: empty; expected at least one number above 0")
        self.bandwidths = tuple(bandwidths)
        self.matching = matching

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.score_both(d, real, fake)
        f_real, f_fake = d.features(real), d.features(fake)  # [M,F], [N,F]
        unit = _typical_distance(f_real)
        within = self.kernel(f_real, f_real, unit).mean() + self.kernel(f_fake, f_fake, unit).mean()
        squared_mmd = within - 2 * self.kernel(f_real, f_fake, unit).mean()
        value = functional.cross_entropy(on_real, on_fake) - self.matching * squared_mmd
        stats = {"d_loss": value.detach(), "d_mmd": squared_mmd.detach()}
        return Loss(value, {**stats, **functional.accuracies(on_real, on_fake)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        with torch.no_grad():
            f_real = d.features(real)  # [N,F]
            unit = _typical_distance(f_real)
            f_others = d.features(fake[: len(real)])  # [M,F]
        with torch.set_grad_enabled(fake.x.requires_grad):
            pieces = [fake[i : i + ROWS] for i in range(0, len(fake), ROWS)]
            sums = [self._kernel_sums(d.features(piece), f_real, f_others, unit) for piece in pieces]
            to_real, to_others = torch.cat(sums).unbind(1)  # [B]
        # A row that is one of the others has been compared with itself, k(f, f), which is left out.
        itself = torch.arange(len(fake), device=to_others.device) < len(f_others)
        to_others = (to_others - len(self.bandwidths) * itself) / (len(f_others) - itself.long()).clamp_min(1)
        return (to_real / len(f_real) - to_others).unsqueeze(1)

    def _kernel_sums(self, features: Tensor, f_real: Tensor, f_others: Tensor, unit: Tensor) -> Tensor:
        """Computes for each row the sums of its kernels with real features and with other generated ones, [R,2]."""
        return torch.stack([self.kernel(features, group, unit).sum(1) for group in (f_real, f_others)], 1)

    def kernel(self, first: Tensor, second: Tensor, unit: Tensor) -> Tensor:
        """Computes the sum of the kernels of all bandwidths, [R,F], [N,F] -> [R,N]."""
        norms = first.square().sum(1, keepdim=True) + second.square().sum(1)  # [R,N]
        squared_distance = (norms - 2 * first @ second.T).clamp_min(0) / unit.square()
        total = torch.zeros_like(squared_distance)
        for bandwidth in self.bandwidths:
            total = total + torch.exp(squared_distance / (-2 * bandwidth**2))
        return total


@torch.no_grad()
def _typical_distance(features: Tensor) -> Tensor:
    """Computes the root mean square distance between two rows; at least a hundredth of the rows' own size."""
    spread = 2 * features.var(0, correction=0).sum()
    return spread.clamp_min(1e-4 * features.square().sum(1).mean()).clamp_min(1e-12).sqrt()
