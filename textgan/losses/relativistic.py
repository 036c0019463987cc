"""Relativistic losses: is this more real than that?"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from textgan.losses import functional
from textgan.core.options import Literal
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples, Scores


class Relativistic(AdversarialLoss):
    """The relativistic GAN: is the real one more real than the fake?

    The discriminator minimises -log sigmoid(d(real) - d(fake)), averaged over pairs, as in RelGAN (Jolicoeur-Martineau
    2018, arXiv:1807.00734). Averaged, it compares each verdict with the mean verdict on the other kind:
    -log sigmoid(d(real) - mean d(fake)) - log sigmoid(mean d(real) - d(fake)).

    The generator is paid for d(fake) - mean d(real). In RelGAN each fake is compared with one real sequence; with
    roll-outs there are more fakes than reals, so the reference is the mean of all real verdicts that count. The term
    that the averaged form adds for the generator, on the reals, is no reward of any one sequence and is left out.

    Args:
        averaged: compare with the mean over the other kind instead of pair by pair.
        reward_transform: what a fake earns: "log_probability" log sigmoid(d(fake) - mean d(real)), as in RelGAN; "probability",
            without the log; "logit", the difference itself.
    """

    def __init__(
        self, averaged: bool = False, reward_transform: Literal["probability", "log_probability", "logit"] = "log_probability"
    ) -> None:
        self.averaged = averaged
        self._worth = functional.REWARD_TRANSFORMS[reward_transform]

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.both(d, real, fake)
        pairs = functional.pairs(on_real, on_fake)
        value = self._averaged(on_real, on_fake) if self.averaged else _surprise(pairs)
        return Loss(
            value, {"d_loss": value.detach(), "d_accuracy_pairs": functional.share(pairs.logits > 0, pairs.weight)}
        )

    @staticmethod
    def _averaged(on_real: Scores, on_fake: Scores) -> Tensor:
        mean_real, mean_fake = functional.mean(*on_real), functional.mean(*on_fake)
        above = on_real._replace(logits=on_real.logits - mean_fake)
        below = on_fake._replace(logits=mean_real - on_fake.logits)
        return _surprise(above) + _surprise(below)

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.of_fakes(d, fake)
        return self._worth(logits - functional.mean(*d.score(real))) * weight


def _surprise(scores: Scores) -> Tensor:
    return -functional.mean(F.logsigmoid(scores.logits), scores.weight)
