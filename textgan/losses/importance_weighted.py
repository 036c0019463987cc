"""Inverse reinforcement learning: fits the reward under which real text is most likely."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.options import Probability
from textgan.core.roles import AdversarialLoss, Discriminator, Generator
from textgan.core.types import Loss, Samples, Scores, Space
from textgan.losses import functional

BISECTIONS = 24
"""Bisection steps that find the exponent of weights that are too uneven: its error is below 1e-7."""


class ImportanceWeighted(AdversarialLoss):
    """Fits a reward R by the likelihood of real text under p(y) = exp(R(y)) / Z.

    Guided cost learning (Finn et al. 2016, arXiv:1603.00448) for text (Shi et al. 2018, arXiv:1804.11258, equation 8).
    Z is estimated from the generator's samples by importance sampling, with weights p / pi:

    value = -(mean R(x) - sum over j of w_j R(y_j)),  w = softmax over the fakes of R(y_j) - log pi(y_j), no gradient

    R is the discriminator's logit, or its sum over a sequence's tokens if the discriminator scores tokens. The reward
    is R. Against a policy that maximises E[R] + lambda H(pi), the equilibrium is pi proportional to p^(1 / lambda).

    log pi of a sequence is dozens of nats, so one weight soon exceeds all others together. `least_effective` keeps the
    effective sample size, 1 / sum of w^2, above a share of the batch: weights become w^a, with the largest a up to 1
    that achieves it. The paper has no such guard; its rewards are bounded by a sigmoid for each token, T at most.

    If the generator's log_prob is a lower bound, the weights are too large.

    `relative` parametrises the reward as R = d + log pi: the discriminator d learns the log-ratio between the data and
    the generator, as in adversarial IRL (Fu, Luo and Levine 2018, arXiv:1710.11248). The objective and its optimum are
    the same. The weights are the softmax of d: even before d has learned anything, and even again where pi is right.
    R then changes with pi, so the discriminator has to follow it; otherwise the policy reinforces itself.

    Args:
        generator: supplies log pi.
        least_effective: the least effective sample size, as a share of the fakes; 0 leaves the weights unchanged.
        relative: the discriminator learns R - log pi instead of R, which includes all that the generator knows.
    """

    requires_generator: ClassVar[frozenset[str]] = frozenset({"log_prob"})
    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids"})

    def __init__(self, generator: Generator, least_effective: Probability = 0.1, relative: bool = False) -> None:
        self.generator = generator
        self.relative = relative
        self.least_effective = least_effective

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = map(_sequence_scores, functional.score_both(d, real, fake))  # [B]
        with torch.no_grad():
            log_weight = on_fake if self.relative else on_fake - self.log_prob(fake)
            power = self.power(log_weight)
            weight = (power * log_weight).softmax(0)
        value = (weight * on_fake).sum() - on_real.mean()
        stats = {
            "d_loss": value.detach(),
            "effective_share": _effective_size(weight) / len(weight),
            "weight_power": power,
            "reward_real": on_real.detach().mean(),
            "reward_fake": on_fake.detach().mean(),
        }
        return Loss(value, stats)

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits = functional.score_fake(d, fake).logits
        return logits + self.generator_term(fake, logits) if self.relative else logits

    def generator_term(self, fake: Samples, logits: Tensor) -> Tensor:
        """Computes log pi of the chosen tokens, without a gradient, in the shape of the logits: [B,1] or [B,T]."""
        with torch.no_grad():
            token_log_prob = self.generator.log_prob(fake) * fake.chosen  # [B,T]
        return token_log_prob if logits.shape[1] > 1 else token_log_prob.sum(1, keepdim=True)

    def log_prob(self, fake: Samples) -> Tensor:
        """Computes log pi of the chosen tokens of each sequence, [B]."""
        return (self.generator.log_prob(fake) * fake.chosen).sum(1)

    def power(self, log_weight: Tensor) -> Tensor:
        """Finds the largest exponent up to 1 that leaves the weights a sufficient effective sample size.

        By bisection: the effective sample size falls as the exponent grows.
        """
        required = self.least_effective * len(log_weight)
        low, high = torch.zeros_like(log_weight[0]), torch.ones_like(log_weight[0])
        unchanged = _effective_size(log_weight.softmax(0)) >= required
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            sufficient = _effective_size((middle * log_weight).softmax(0)) >= required
            low, high = torch.where(sufficient, middle, low), torch.where(sufficient, high, middle)
        return torch.where(unchanged, torch.ones_like(low), low)


def _sequence_scores(scores: Scores) -> Tensor:
    """Computes the score of each sequence, [B]: the sum over the scores that count."""
    return (scores.logits * scores.weight).sum(1)


def _effective_size(weight: Tensor) -> Tensor:
    """Computes the effective sample size of normalised weights, 1 / sum of w^2, 1 to B (Kong 1992)."""
    return 1 / weight.square().sum()
