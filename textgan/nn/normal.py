"""Normal distributions with a variance for each number, and their distance from N(0, 1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sample(mean: Tensor, log_variance: Tensor) -> Tensor:
    """A point of each distribution, [...,Z], through which gradients reach both of its parameters."""
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each number, nats, [...,Z]."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def log_density(points: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(points; mean, variance), [...,Z] -> [...]."""
    squares = (points - mean).square() * (-log_variance).exp()
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(-1)
