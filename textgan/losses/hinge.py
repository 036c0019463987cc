"""The hinge loss: what is told apart by a margin is not worth another step."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from textgan.losses import functional
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples


class Hinge(AdversarialLoss):
    """The geometric GAN: keep real above 1 and fake below -1.

    The discriminator minimises mean max(0, 1 - d(real)) + mean max(0, 1 + d(fake)) (Lim & Ye 2017, arXiv:1705.02894).
    A fake earns its logit.
    """

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.both(d, real, fake)
        value = functional.mean(F.relu(1 - on_real.logits), on_real.weight)
        value = value + functional.mean(F.relu(1 + on_fake.logits), on_fake.weight)
        return Loss(value, {"d_loss": value.detach(), **functional.accuracies(on_real, on_fake)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.of_fakes(d, fake)
        return logits * weight
