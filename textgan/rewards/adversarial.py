"""The adversarial reward: what the loss makes of the discriminator's scores."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from textgan.core.roles import AdversarialLoss, Discriminator, Reward
from textgan.core.types import Samples, Space


class AdversarialReward(Reward):
    """Computes the reward that the adversarial loss derives from the discriminator's scores, with dropout off."""

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex", "latent"})
    differentiable: ClassVar[bool] = True

    def __init__(self, discriminator: Discriminator, loss: AdversarialLoss) -> None:
        self.discriminator = discriminator
        self.loss = loss

    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return self.loss.reward(self.discriminator, fake, real)
