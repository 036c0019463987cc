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
    """REINFORCE with an exponential moving average of the returns of all earlier batches as its baseline.

    grad E[R] = E[sum_t (R_t - b) grad log pi(y_t | y_<t)], where b is that average. This is the baseline of ScratchGAN
    (d'Autume et al. 2019, arXiv:1905.09922): one number for all positions. Here b does not include the batch that it is
    subtracted from, so the gradient is unbiased. The average is corrected for its initial value of zero: after one
    batch, b is that batch's mean return. The return of a token is the sum of token rewards from it on, without a
    discount.

    Args:
        decay: weight of the previous average in each update.
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
            returns = _returns(rewards, samples.chosen)  # [B,T]
            baseline = self.average.clone()  # 0 at first
            self._update_average(returns, samples.chosen)
        loss = generator.policy_loss(samples, returns - baseline)
        means = (rewards * samples.chosen).sum(1) / samples.chosen.sum(1).clamp_min(1)  # [B]
        stats = {
            "g_loss": loss.detach(),
            "reward_mean": means.mean(),
            "reward_std": torch.std(means, correction=0),
            "baseline": baseline,
        }
        yield Loss(loss, stats)

    def _update_average(self, returns: Tensor, chosen: Tensor) -> None:
        """Includes the mean return of a batch, [B,T], in the average."""
        # Computed from differences, so that the mean of equal returns is exact: Adam would turn rounding errors into
        # steps of full size.
        first = returns[0, 0]
        mean = first + ((returns - first) * chosen).sum() / chosen.sum().clamp_min(1)
        self.weight.mul_(self.decay).add_(1 - self.decay)  # 1 - decay^n
        self.average.add_((1 - self.decay) / self.weight * (mean - self.average))


def _returns(rewards: Tensor, chosen: Tensor) -> Tensor:
    """Computes the return of each token, [B,T].

    Args:
        rewards: of sequences, [B,1], which is the return of each of their tokens; or of tokens, [B,T].
        chosen: [B,T] bool; rewards of other tokens do not count.
    """
    if rewards.shape[1] == 1:
        return rewards.expand(chosen.shape)
    return (rewards * chosen).flip(1).cumsum(1).flip(1)
