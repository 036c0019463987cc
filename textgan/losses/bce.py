"""Binary cross-entropy, the loss of the original GAN and of SeqGAN."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from textgan.losses import verdicts
from textgan.options import Annotated, Ge, Literal, Lt
from textgan.roles import AdversarialLoss, Discriminator
from textgan.types import Loss, Samples, Scores


class Bce(AdversarialLoss):
    """The original GAN's game: is it real?

    The discriminator minimises -log D(real) - log(1 - D(fake)), averaged (Goodfellow et al. 2014, arXiv:1406.2661).

    Args:
        pays: what a fake earns: "probability" D, as in SeqGAN; "log_probability" log D, the non-saturating game;
            "logit", d itself.
        smoothing: real examples get the target 1 - smoothing (one-sided label smoothing); 0 in SeqGAN.
    """

    def __init__(
        self,
        pays: Literal["probability", "log_probability", "logit"] = "probability",
        smoothing: Annotated[float, Ge(0), Lt(0.5)] = 0.0,
    ) -> None:
        self.smoothing = smoothing
        self._reward = {"probability": Tensor.sigmoid, "log_probability": functional.logsigmoid, "logit": Tensor.clone}[
            pays
        ]

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = d(real), d(fake)
        value = 0.5 * (self._cross_entropy(on_real, 1 - self.smoothing) + self._cross_entropy(on_fake, 0.0))
        return Loss(
            value,
            {
                "d_loss": value.detach(),
                "d_accuracy_real": verdicts.share(on_real.logits > 0, on_real.weight),
                "d_accuracy_fake": verdicts.share(on_fake.logits < 0, on_fake.weight),
            },
        )

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = verdicts.of_fakes(d, fake)
        return self._reward(logits) * weight

    @staticmethod
    def _cross_entropy(scores: Scores, target: float) -> Tensor:
        targets = scores.logits.new_full(scores.logits.shape, target)
        each = functional.binary_cross_entropy_with_logits(scores.logits, targets, reduction="none")
        return verdicts.mean(each, scores.weight)
