"""Relativistic losses, which compare real with generated text instead of classifying each."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from textgan.core.options import Literal
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples, Scores
from textgan.losses import functional
from textgan.ops.masked import masked_mean


class Relativistic(AdversarialLoss):
    """Computes the relativistic GAN's loss: is the real sequence more real than the generated one?

    The discriminator minimises -log sigmoid(d(real) - d(fake)), averaged over pairs, as in RelGAN (Jolicoeur-Martineau
    2018, arXiv:1807.00734). With `averaged`, it compares each score with the mean score of the other kind:
    -log sigmoid(d(real) - mean d(fake)) - log sigmoid(mean d(real) - d(fake)).

    The generator's reward is a function of d(fake) - mean d(real). In RelGAN each generated sequence is compared with
    one real sequence. With roll-outs there are more generated than real sequences, so here the reference is the mean of
    all real scores that count. The term that the averaged form adds for the generator, on the real sequences, is not a
    reward of any one generated sequence and is left out.

    Args:
        averaged: compare with the mean over the other kind instead of pair by pair.
        reward_transform: the reward of a generated sequence: "log_probability" log sigmoid(d(fake) - mean d(real)), as
            in RelGAN; "probability", without the log; "logit", the difference itself.
    """

    def __init__(
        self,
        averaged: bool = False,
        reward_transform: Literal["probability", "log_probability", "logit"] = "log_probability",
    ) -> None:
        self.averaged = averaged
        self._transform = functional.REWARD_TRANSFORMS[reward_transform]

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.score_both(d, real, fake)
        pairs = functional.pairs(on_real, on_fake)
        value = self._averaged(on_real, on_fake) if self.averaged else _negative_log_sigmoid(pairs)
        accuracy = functional.masked_share(pairs.logits > 0, pairs.weight)
        return Loss(value, {"d_loss": value.detach(), "d_accuracy_pairs": accuracy})

    @staticmethod
    def _averaged(on_real: Scores, on_fake: Scores) -> Tensor:
        mean_real, mean_fake = masked_mean(*on_real), masked_mean(*on_fake)
        real_above_fake = on_real._replace(logits=on_real.logits - mean_fake)
        fake_below_real = on_fake._replace(logits=mean_real - on_fake.logits)
        return _negative_log_sigmoid(real_above_fake) + _negative_log_sigmoid(fake_below_real)

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.score_fake(d, fake)
        return self._transform(logits - masked_mean(*d.score(real))) * weight


def _negative_log_sigmoid(scores: Scores) -> Tensor:
    """Computes the mean of -log sigmoid(logit) over the scores that count."""
    return -masked_mean(F.logsigmoid(scores.logits), scores.weight)
