"""Least squares: verdicts are pulled to a number for real and one for fake."""

from __future__ import annotations

from torch import Tensor

from textgan.losses import functional
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples


class LeastSquares(AdversarialLoss):
    """The LSGAN: how far is the verdict from what it should be?

    The discriminator minimises 1/2 mean (d(real) - b)^2 + 1/2 mean (d(fake) - a)^2, and a fake earns
    -1/2 (d(fake) - c)^2 (Mao et al. 2017, arXiv:1611.04076). The default is the paper's 0-1 coding. Its other choice,
    the Pearson chi-square of a = -1, b = 1, c = 0, is `fake: -1, aim: 0`: then a sequence earns most where the
    discriminator is undecided.

    Args:
        fake: a, what the discriminator should say of written text.
        real: b, what it should say of real text; more than a.
        aim: c, the verdict that pays best.
    """

    def __init__(self, fake: float = 0.0, real: float = 1.0, target: float = 1.0) -> None:
        if real <= fake:
            raise ValueError(f"real text should score higher than written text, but real is {real} and fake {fake}")
        self.fake, self.real, self.target = fake, real, target

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.both(d, real, fake)
        value = 0.5 * functional.mean((on_real.logits - self.real).square(), on_real.weight)
        value = value + 0.5 * functional.mean((on_fake.logits - self.fake).square(), on_fake.weight)
        halfway = (self.real + self.fake) / 2
        return Loss(value, {"d_loss": value.detach(), **functional.accuracies(on_real, on_fake, halfway)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.of_fakes(d, fake)
        return -0.5 * (logits - self.target).square() * weight
