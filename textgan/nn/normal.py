"""Samples from normal distributions with diagonal covariance; computes densities and the divergence from N(0, 1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sample(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Samples one point per distribution, [...,Z], through which gradients reach both parameters.

    Args:
        mean: [...,Z].
        log_variance: [...,Z].
    """
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Computes KL(N(mean, variance) || N(0, 1)) of each coordinate, in nats, [...,Z].

    Args:
        mean: [...,Z].
        log_variance: [...,Z].
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def log_density(points: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Computes log N(points; mean, variance), [...].

    Args:
        points: [...,Z].
        mean: [...,Z].
        log_variance: [...,Z].
    """
    squares = (points - mean).square() * (-log_variance).exp()
    return -0.5 * (squares + log_variance + math.log(2 * math.pi)).sum(-1)
