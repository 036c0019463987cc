"""Inverse reinforcement learning: the reward under which real text is likely."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from textgan.losses import functional
from textgan.core.options import Probability
from textgan.core.roles import AdversarialLoss, Discriminator, Generator
from textgan.core.types import Loss, Samples, Scores, Space

HALVINGS = 24
"""Steps to find the exponent of weights that are too uneven: it is right to 1e-7."""


class ImportanceWeighted(AdversarialLoss):
    """Learns a reward R by the likelihood of real text under p(y) = exp(R(y)) / Z.

    Guided cost learning (Finn et al. 2016, arXiv:1603.00448) for text (Shi et al. 2018, arXiv:1804.11258, equation 8).
    Z is estimated from the generator's own text, weighted by how much more of it p would hold:

    value = -(mean R(x) - sum over j of w_j R(y_j)),  w = softmax over the fakes of R(y_j) - log pi(y_j), no gradient

    R is the discriminator's logit, or the sum over a sequence's tokens where it judges tokens; it pays R. Against a
    policy that maximises E[R] + lambda H(pi) the game ends at pi proportional to p^(1 / lambda).

    Sequences have dozens of nats of log pi, and soon one weight outweighs all others. `least_effective` holds the
    effective sample size, 1 / sum of w^2, above a share of the batch: weights become w^a, the largest a up to 1 that
    does. That is ours; the paper has no guard but a reward of a sigmoid for each token, so at most T.

    A generator whose log_prob is a bound makes weights that are too large.

    `relative` writes the reward as R = d + log pi: the discriminator d says what the generator has wrong, as that of
    adversarial IRL does (Fu, Luo and Levine 2018, arXiv:1710.11248). The game and its end are the same. The weights are
    the softmax of d: even while d knows nothing, and even again where pi is right. R then moves with pi, so the
    discriminator has to follow, or the policy agrees with itself.

    Args:
        least_effective: share of the fakes that the weights must be worth; 0 leaves them as they are.
        relative: the discriminator says R - log pi, and not R, which would have to learn all that the generator knows.
    """

    requires_generator: ClassVar[frozenset[str]] = frozenset({"log_prob"})
    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids"})

    def __init__(self, generator: Generator, least_effective: Probability = 0.1, relative: bool = False) -> None:
        self.generator = generator
        self.relative = relative
        self.least_effective = least_effective

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = map(_whole, functional.both(d, real, fake))  # [B]
        with torch.no_grad():
            log_weight = on_fake if self.relative else on_fake - self.log_prob(fake)
            power = self.power(log_weight)
            weight = (power * log_weight).softmax(0)
        value = (weight * on_fake).sum() - on_real.mean()
        stats = {
            "d_loss": value.detach(),
            "effective_share": _effective(weight) / len(weight),
            "weight_power": power,
            "reward_real": on_real.detach().mean(),
            "reward_fake": on_fake.detach().mean(),
        }
        return Loss(value, stats)

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits = functional.of_fakes(d, fake).logits
        return logits + self.own(fake, logits) if self.relative else logits

    def own(self, fake: Samples, logits: Tensor) -> Tensor:
        """log pi of what the generator chose, without a gradient, in the shape of the verdicts: [B,1] or [B,T]."""
        with torch.no_grad():
            each = self.generator.log_prob(fake) * fake.chosen  # [B,T]
        return each if logits.shape[1] > 1 else each.sum(1, keepdim=True)

    def log_prob(self, fake: Samples) -> Tensor:
        """log pi of what the generator chose, [B]."""
        return (self.generator.log_prob(fake) * fake.chosen).sum(1)

    def power(self, log_weight: Tensor) -> Tensor:
        """The largest exponent up to 1 under which the weights are worth enough, by halving; the size falls with it."""
        enough = self.least_effective * len(log_weight)
        low, high = torch.zeros_like(log_weight[0]), torch.ones_like(log_weight[0])
        fits = _effective(log_weight.softmax(0)) >= enough
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            inside = _effective((middle * log_weight).softmax(0)) >= enough
            low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
        return torch.where(fits, torch.ones_like(low), low)


def _whole(scores: Scores) -> Tensor:
    """The reward of each sequence, [B]: the sum over the verdicts that count."""
    return (scores.logits * scores.weight).sum(1)


def _effective(weight: Tensor) -> Tensor:
    """How many equal weights are worth as much, 1 to B: 1 / sum of w^2 (Kong 1992)."""
    return 1 / weight.square().sum()
