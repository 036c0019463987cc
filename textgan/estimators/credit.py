"""From rewards to a policy-gradient loss: what the score-function estimators share."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.roles import Generator
from textgan.types import Loss, Samples


def to_go(reward: Tensor, chosen: Tensor) -> Tensor:
    """The return of each token, [B,T]: the sequence's reward [B,1], or the sum of token rewards [B,T] from here on."""
    if reward.shape[1] == 1:
        return reward.expand(chosen.shape)
    return (reward * chosen).flip(1).cumsum(1).flip(1)


def leave_one_out(value: Tensor, chosen: Tensor) -> Tensor:
    """For each token, the mean value at its position in all other sequences that chose one there, [B,T].

    Independent of the token itself, so subtracting it leaves the expected gradient as it is (Kool et al. 2019).
    """
    weight = chosen.to(value.dtype)
    others = weight.sum(0, keepdim=True) - weight
    return ((value * weight).sum(0, keepdim=True) - value * weight) / others.clamp_min(1)


def policy_gradient(
    generator: Generator, samples: Samples, value: Tensor, reward: Tensor, baseline: str, reduction: str
) -> Loss:
    """The surrogate loss of tokens worth `value` [B,T], with the rewards' mean and spread as statistics."""
    advantage = value - leave_one_out(value, samples.chosen) if baseline == "leave_one_out" else value
    loss = generator.policy_loss(samples, advantage)
    each = reward.mean(1)
    stats = {
        "g_loss": loss.detach(),
        "reward_mean": each.mean(),
        "reward_std": torch.std(each, correction=0),
    }
    return Loss(loss * len(samples) if reduction == "sum" else loss, stats)
