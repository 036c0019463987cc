"""REINFORCE, which credits the reward of the finished sequence to each of its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch

from textgan.core.options import Literal, NonNegativeFloat
from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss
from textgan.estimators import returns


class Reinforce(Estimator):
    """Estimates the policy gradient by crediting a finished sequence's reward to each of its tokens.

    grad E[R] = E[sum_t (R_t - b_t) grad log pi(y_t | y_<t)] (Williams 1992). R_t is the sequence's reward, or the sum
    of its tokens' rewards from t on.

    Args:
        baseline: "leave_one_out", the mean over the batch's other sequences, or "none".
        reduction: over sequences, "mean", or "sum" as in SeqGAN's code.
        entropy: weight lambda of the policy's entropy: the objective is E[R] + lambda H(pi).
    """

    unbiased: ClassVar[bool] = True
    annealable: ClassVar[frozenset[str]] = frozenset({"entropy"})

    def __init__(
        self,
        baseline: Literal["leave_one_out", "none"] = "leave_one_out",
        reduction: Literal["mean", "sum"] = "mean",
        entropy: NonNegativeFloat = 0.0,
    ) -> None:
        super().__init__()
        self.baseline = baseline
        self.reduction = reduction
        self.entropy = entropy

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)  # [B,1] or [B,T]
            value = returns.to_go(rewards, samples.chosen)
            if self.entropy:
                value = value + returns.entropy_to_go(generator, samples, self.entropy)
        yield returns.policy_gradient(generator, samples, value, rewards, self.baseline, self.reduction)
