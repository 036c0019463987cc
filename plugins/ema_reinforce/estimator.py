"""REINFORCE with an exponential moving-average baseline, as ScratchGAN trains its generator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from textgan.options import Probability
from textgan.roles import Estimator, Generator, RewardFn
from textgan.types import Batch, Loss


class EmaReinforce(Estimator):
    """REINFORCE whose baseline is a moving average of the returns of all earlier batches.

    grad E[R] = E[sum_t (R_t - b) grad log pi(y_t | y_<t)], b being that average.
    The baseline of ScratchGAN (d'Autume et al. 2019, arXiv:1905.09922): one number for all positions. Here b has not
    seen the batch that it is subtracted from, so the gradient is unbiased, and the average is corrected for its start
    at zero: after one batch b is that batch's mean return. Rewards of tokens are credited to go, without a discount.

    Args:
        decay: share of the old average that survives each step.
    """

    unbiased: ClassVar[bool] = True

    def __init__(self, decay: Probability = 0.9) -> None:
        super().__init__()
        self.decay = decay
        self.average: Tensor
        self.weight: Tensor
        self.register_buffer("average", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)  # [B,1] or [B,T]
            returns = _to_go(rewards, samples.chosen)  # [B,T]
            baseline = self.average.clone()  # 0 at first
            self._remember(returns, samples.chosen)
        loss = generator.policy_loss(samples, returns - baseline)
        each = (rewards * samples.chosen).sum(1) / samples.chosen.sum(1).clamp_min(1)  # [B]
        stats = {
            "g_loss": loss.detach(),
            "reward_mean": each.mean(),
            "reward_std": torch.std(each, correction=0),
            "baseline": baseline,
        }
        yield Loss(loss, stats)

    def _remember(self, returns: Tensor, chosen: Tensor) -> None:
        """Takes the mean return of a batch into the average."""
        # Relative to one of them, so that the mean of equal returns is exact: Adam makes steps of rounding errors.
        one = returns[0, 0]
        mean = one + ((returns - one) * chosen).sum() / chosen.sum().clamp_min(1)
        self.weight.mul_(self.decay).add_(1 - self.decay)  # 1 - decay^n
        self.average.add_((1 - self.decay) / self.weight * (mean - self.average))


def _to_go(rewards: Tensor, chosen: Tensor) -> Tensor:
    """A sequence's reward [B,1] for each of its tokens, or the sum of token rewards [B,T] from each token on, [B,T]."""
    if rewards.shape[1] == 1:
        return rewards.expand(chosen.shape)
    return (rewards * chosen).flip(1).cumsum(1).flip(1)
