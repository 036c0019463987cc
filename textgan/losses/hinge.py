"""The hinge loss, which ignores scores beyond a margin."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples
from textgan.losses import functional
from textgan.ops.masked import masked_mean


class Hinge(AdversarialLoss):
    """Computes the geometric GAN's loss, which keeps real scores above 1 and generated ones below -1.

    The discriminator minimises mean max(0, 1 - d(real)) + mean max(0, 1 + d(fake)) (Lim & Ye 2017, arXiv:1705.02894).
    Scores beyond the margin have no gradient. The reward of a generated sequence is its logit.
    """

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.score_both(d, real, fake)
        value = masked_mean(F.relu(1 - on_real.logits), on_real.weight)
        value = value + masked_mean(F.relu(1 + on_fake.logits), on_fake.weight)
        return Loss(value, {"d_loss": value.detach(), **functional.accuracies(on_real, on_fake)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.score_fake(d, fake)
        return logits * weight
