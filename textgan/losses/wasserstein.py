"""The Wasserstein loss, with or without a gradient penalty."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from textgan.core.options import NonNegativeFloat
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples, Scores, Vocabulary
from textgan.losses import functional
from textgan.ops.masked import masked_mean, masked_mean_rows


class Wasserstein(AdversarialLoss):
    """Estimates the Wasserstein-1 (earth mover's) distance between real and generated text.

    The discriminator is a critic f whose scores are not log-odds. It minimises
    mean f(fake) - mean f(real) + penalty * mean (|grad f(x^)| - 1)^2 (Arjovsky et al. 2017, arXiv:1701.07875; Gulrajani
    et al. 2017, arXiv:1704.00028). x^ is a random point on the line between a real and a generated sequence. The norm
    is one per sequence, over all of its positions and coordinates. Ids are converted to one-hot vectors first, so that
    there are points between them. A position of x^ is valid where either of the two is. f of a sequence is the mean of
    its scores that count. The reward of a generated sequence is its logit.

    Args:
        vocab: gives the size of one-hot vectors.
        penalty: weight of the gradient penalty; 10 in the paper. 0 omits it, for a discriminator that is kept smooth by
            spectral norm.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"double_backward"})

    def __init__(self, vocab: Vocabulary, penalty: NonNegativeFloat = 10.0) -> None:
        self.vocab_size = vocab.size
        self.penalty = penalty

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.score_both(d, real, fake)
        distance = _mean_critic(on_real) - _mean_critic(on_fake)
        stats = {"d_distance": distance.detach()}
        value = -distance
        if self.penalty:
            norm, weight = self.gradient_norms(d, real, fake)
            value = value + self.penalty * masked_mean((norm - 1).square(), weight)
            stats["d_gradient_norm"] = masked_mean(norm, weight).detach()
        return Loss(value, {"d_loss": value.detach(), **stats})

    def gradient_norms(self, d: Discriminator, real: Samples, fake: Samples) -> tuple[Tensor, Tensor]:
        """Computes |grad f| at a point between each real and generated sequence, [B], and where f counts, [B]."""
        points = self.interpolate(real, fake)
        f, weight = _critic(d(points))
        (gradient,) = torch.autograd.grad(f.sum(), points.x, create_graph=True)
        return torch.linalg.vector_norm(gradient.flatten(1), dim=1), weight  # over all dimensions but the batch

    def interpolate(self, real: Samples, fake: Samples) -> Samples:
        """Samples a point on the line between each real and generated sequence, for the smaller number of the two."""
        rows = min(len(real), len(fake))
        real, fake = real[:rows], fake[:rows]
        ends = self._to_vectors(real.x), self._to_vectors(fake.x)
        position = torch.rand(rows, *[1] * (ends[0].dim() - 1), device=real.x.device)  # [B,1,1] | [B,1]
        x = torch.lerp(*ends, position.to(ends[0])).detach().requires_grad_()
        return Samples(x, real.valid | fake.valid, real.chosen | fake.chosen)

    def _to_vectors(self, x: Tensor) -> Tensor:
        return x if x.is_floating_point() else F.one_hot(x, self.vocab_size).to(torch.get_default_dtype())

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.score_fake(d, fake)
        return logits * weight


def _critic(scores: Scores) -> tuple[Tensor, Tensor]:
    """Computes f of each sequence, the mean of its scores that count, [B], and 1 where there are any, [B]."""
    return masked_mean_rows(*scores), (scores.weight.sum(1) > 0).to(scores.weight)


def _mean_critic(scores: Scores) -> Tensor:
    return masked_mean(*_critic(scores))
