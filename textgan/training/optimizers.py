"""Optimizers. The run passes `parameters`; the other arguments are options of the recipe."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from textgan.core.options import NonNegativeFloat, PositiveFloat, Probability, Sequence


def adam(
    parameters: Iterable[nn.Parameter],
    lr: PositiveFloat = 1e-3,
    betas: Sequence[Probability] = (0.9, 0.999),
    eps: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.0,
) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980).

    Args:
        parameters: what to update.
        lr: step size.
        betas: decay rates of the two moment estimates.
        eps: added to the denominator.
        weight_decay: L2 penalty added to the gradient.
    """
    return torch.optim.Adam(parameters, lr, (betas[0], betas[1]), eps, weight_decay, fused=True)


def adamw(
    parameters: Iterable[nn.Parameter],
    lr: PositiveFloat = 1e-3,
    betas: Sequence[Probability] = (0.9, 0.999),
    eps: PositiveFloat = 1e-8,
    weight_decay: NonNegativeFloat = 0.01,
) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101).

    Args:
        parameters: what to update.
        lr: step size.
        betas: decay rates of the two moment estimates.
        eps: added to the denominator.
        weight_decay: share of each weight that a step subtracts, times lr.
    """
    return torch.optim.AdamW(parameters, lr, (betas[0], betas[1]), eps, weight_decay, fused=True)


def sgd(
    parameters: Iterable[nn.Parameter],
    lr: PositiveFloat = 0.1,
    momentum: Probability = 0.0,
    weight_decay: NonNegativeFloat = 0.0,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent.

    Args:
        parameters: what to update.
        lr: step size.
        momentum: factor of the previous step that is added to each step.
        weight_decay: L2 penalty added to the gradient.
    """
    return torch.optim.SGD(parameters, lr, momentum, weight_decay=weight_decay)
