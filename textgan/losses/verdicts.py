"""What losses share: means over the verdicts that count, and how a fake's verdict is asked for."""

from __future__ import annotations

from torch import Tensor

from textgan.roles import Discriminator
from textgan.types import Samples, Scores


def mean(each: Tensor, weight: Tensor) -> Tensor:
    """The mean over the verdicts that count; 0 where none does. each, weight: [B,K]."""
    return (each * weight).sum() / weight.sum().clamp_min(1)


def share(right: Tensor, weight: Tensor) -> Tensor:
    """The share of verdicts that are right, of those that count: a statistic. right: [B,K] bool."""
    return mean(right.to(weight), weight).detach()


def of_fakes(d: Discriminator, fake: Samples) -> Scores:
    """The verdicts that a generator is paid for: with gradients if the samples carry any, else as fast as can be."""
    return d(fake) if fake.x.requires_grad else d.score(fake)
