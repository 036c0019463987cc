"""Binary cross-entropy, the loss of the original GAN and of SeqGAN."""

from __future__ import annotations

from torch import Tensor

from textgan.core.options import Annotated, Ge, Literal, Lt
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples
from textgan.losses import functional


class Bce(AdversarialLoss):
    """Computes the original GAN's loss: the discriminator classifies sequences as real or generated.

    The discriminator minimises -log D(real) - log(1 - D(fake)), averaged (Goodfellow et al. 2014, arXiv:1406.2661).

    Args:
        reward_transform: the reward of a generated sequence: "probability" D, as in SeqGAN; "log_probability" log D,
            the non-saturating loss; "logit", d itself.
        smoothing: real examples have the target 1 - smoothing (one-sided label smoothing); 0 in SeqGAN.
    """

    def __init__(
        self,
        reward_transform: Literal["probability", "log_probability", "logit"] = "probability",
        smoothing: Annotated[float, Ge(0), Lt(0.5)] = 0.0,
    ) -> None:
        self.smoothing = smoothing
        self._transform = functional.REWARD_TRANSFORMS[reward_transform]

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.score_both(d, real, fake)
        value = functional.cross_entropy(on_real, on_fake, self.smoothing)
        return Loss(value, {"d_loss": value.detach(), **functional.accuracies(on_real, on_fake)})

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.score_fake(d, fake)
        return self._transform(logits) * weight
