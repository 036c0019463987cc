"""The Wasserstein loss, with a gradient penalty or without."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from textgan.losses import functional
from textgan.core.options import NonNegativeFloat
from textgan.core.roles import AdversarialLoss, Discriminator
from textgan.core.types import Loss, Samples, Scores, Vocabulary


class Wasserstein(AdversarialLoss):
    """The earth mover's distance: how far apart are real and fake?

    The discriminator is a critic f without probabilities and minimises
    mean f(fake) - mean f(real) + penalty * mean (|grad f(x^)| - 1)^2 (Arjovsky et al. 2017, arXiv:1701.07875; Gulrajani
    et al. 2017, arXiv:1704.00028). x^ lies at random between a real and a fake sequence, one norm each, over all of a
    sequence's positions and words. Ids become one-hot vectors before, so that there is something between them; where
    one of the two has ended, x^ is still valid. f of a sequence is the mean of its verdicts that count. A fake earns
    its logit.

    Args:
        penalty: weight of the gradient penalty; 10 in the paper. 0 leaves it out, for a discriminator that is kept
            smooth by spectral norm.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"double_backward"})

    def __init__(self, vocab: Vocabulary, penalty: NonNegativeFloat = 10.0) -> None:
        self.words = vocab.size
        self.penalty = penalty

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_real, on_fake = functional.both(d, real, fake)
        distance = _mean_critic(on_real) - _mean_critic(on_fake)
        stats = {"d_distance": distance.detach()}
        value = -distance
        if self.penalty:
            norm, counts = self.slopes(d, real, fake)
            value = value + self.penalty * functional.mean((norm - 1).square(), counts)
            stats["d_gradient_norm"] = functional.mean(norm, counts).detach()
        return Loss(value, {"d_loss": value.detach(), **stats})

    def slopes(self, d: Discriminator, real: Samples, fake: Samples) -> tuple[Tensor, Tensor]:
        """|grad f| between each real and a fake sequence, [B], and 1 where f has a verdict that counts, [B]."""
        between = self.between(real, fake)
        f, counts = _critic(d(between))
        (slope,) = torch.autograd.grad(f.sum(), between.x, create_graph=True)
        return torch.linalg.vector_norm(slope.flatten(1), dim=1), counts  # over all but the batch

    def between(self, real: Samples, fake: Samples) -> Samples:
        """A point at random on the line between each real and fake sequence, as many as the fewer of the two."""
        rows = min(len(real), len(fake))
        real, fake = real[:rows], fake[:rows]
        ends = self._lift(real.x), self._lift(fake.x)
        place = torch.rand(rows, *[1] * (ends[0].dim() - 1), device=real.x.device)  # [B,1,1] | [B,1]
        x = torch.lerp(*ends, place.to(ends[0])).detach().requires_grad_()
        return Samples(x, real.valid | fake.valid, real.chosen | fake.chosen)

    def _lift(self, x: Tensor) -> Tensor:
        return x if x.is_floating_point() else F.one_hot(x, self.words).to(torch.get_default_dtype())

    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        logits, weight = functional.of_fakes(d, fake)
        return logits * weight


def _critic(scores: Scores) -> tuple[Tensor, Tensor]:
    """f of each sequence, the mean of its verdicts that count, [B], and 1 where there are any, [B]."""
    count = scores.weight.sum(1)
    return (scores.logits * scores.weight).sum(1) / count.clamp_min(1), (count > 0).to(scores.weight)


def _mean_critic(scores: Scores) -> Tensor:
    return functional.mean(*_critic(scores))
