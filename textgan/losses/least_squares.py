"""The least-squares loss, which regresses scores on one number for real text and one for generated text."""

from __future__ import annotations

from torch import Tensor

from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples
from textgan.losses import functional
from textgan.ops.masked import masked_mean


class LeastSquares(AdversarialLoss):
    """Computes the LSGAN's loss: the squared difference between each score and its target.

    The discriminator minimises 1/2 mean (d(real) - b)^2 + 1/2 mean (d(fake) - a)^2, and the reward of a generated
    sequence is -1/2 (d(fake) - c)^2 (Mao et al. 2017, arXiv:1611.04076). The default is the paper's 0-1 coding. Its
    other choice, the Pearson chi-square of a = -1, b = 1, c = 0, is `fake: -1, target: 0`: then the reward is highest
    where the discriminator is undecided.

    Args:
        fake: a, the discriminator's target for generated text.
        real: b, its target for real text; more than a.
        target: c, the score with the highest reward.
    """

    def __init__(self, fake: float = 0.0, real: float = 1.0, target: float = 1.0) -> None:
        if real <= fake:
            raise ValueError(f"real={real}: not above fake={fake}; expected real text to have the higher target")
        self.fake, self.real, self.target = fake, real, target

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.score_both(d, real, fake)
        value = 0.5 * masked_mean((on_real.logits - self.real).square(), on_real.weight)
        value = value + 0.5 * masked_mean((on_fake.logits - self.fake).square(), on_fake.weight)
        threshold = (self.real + self.fake) / 2
        return Loss(value, {"d_loss": value.detach(), **functional.accuracies(on_real, on_fake, threshold)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.score_fake(d, fake)
        return -0.5 * (logits - self.target).square() * weight
