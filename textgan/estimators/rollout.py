"""Monte-Carlo roll-outs: SeqGAN's estimator of the value of each token."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.options import Annotated, Ge, Literal, Lt, NonNegativeFloat, PositiveFloat, PositiveInt
from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss, Samples
from textgan.estimators import returns


class Rollout(Estimator):
    """Estimates the policy gradient with the mean reward of N completions as the value of each token.

    Q(y_<t, y_t) = mean reward of N completions of y_<=t for t < T, and the reward of y itself at its end.
    Yu et al. 2017 (arXiv:1609.05473), equation 4 and algorithm 1. The default, a leave-one-out baseline and a mean over
    sequences, is unbiased and has the scale of every other estimator here. SeqGAN's raw rewards, summed, are
    `baseline: none, reduction: sum`.

    Args:
        generator: the roll-out policy, or what its slow copy starts from.
        rollouts: N, completions of each prefix; 16 in the paper.
        baseline: "leave_one_out", the mean over the batch's other sequences at the same position, or "none".
        reduction: over sequences, "mean", or "sum" as in SeqGAN's code.
        update_rate: share of the old roll-out policy that is kept at each generator update. With null the current
            generator rolls out, which is what SeqGAN's released code really did; its paper says 0.8.
        entropy: weight lambda of the policy's entropy: the objective is E[R] + lambda H(pi).
        rescale: "rank" replaces each value by a function of its rank over the batch at its position, as LeakGAN does
            (Guo et al. 2018, arXiv:1709.08624): sigmoid(steepness (0.5 - rank / B)), rank 1 the highest. A sequence
            that has ended is ranked by its reward. This changes the objective, so the gradient is biased; "none" uses
            the reward itself.
        steepness: delta of `rescale: rank`; 16 in LeakGAN's code.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"rollouts"})
    reward_granularity: ClassVar[frozenset[str]] = frozenset({"sequence"})
    unbiased: ClassVar[bool] = True
    annealable: ClassVar[frozenset[str]] = frozenset({"entropy"})
    sweep_values: ClassVar[Mapping[str, Sequence[float]]] = {"rollouts": (1, 2, 4, 8, 16)}

    def __init__(
        self,
        generator: Generator,
        rollouts: PositiveInt = 16,
        baseline: Literal["leave_one_out", "none"] = "leave_one_out",
        reduction: Literal["mean", "sum"] = "mean",
        update_rate: Annotated[float, Ge(0), Lt(1)] | None = None,
        entropy: NonNegativeFloat = 0.0,
        rescale: Literal["none", "rank"] = "none",
        steepness: PositiveFloat = 16.0,
    ) -> None:
        super().__init__()
        self.count = rollouts
        self.baseline = baseline
        self.reduction = reduction
        self.update_rate = update_rate
        self.entropy = entropy
        self.rescale = rescale
        self.steepness = steepness
        self.policy: Generator | None = None
        if update_rate is not None:
            self.policy = copy.deepcopy(generator).requires_grad_(False)
            self.started: Tensor
            self.register_buffer("started", torch.zeros(()))

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)  # [B,1]
            value = self.values(self._policy(generator), reward, samples, rewards)
            if self.rescale == "rank":
                value = returns.by_rank(value, self.steepness)
            if self.entropy:
                value = value + returns.entropy_to_go(generator, samples, self.entropy)
        yield returns.policy_gradient(generator, samples, value, rewards, self.baseline, self.reduction)

    def values(self, policy: Generator, reward: RewardFn, samples: Samples, rewards: Tensor) -> Tensor:
        """Estimates the value of each token, [B,T].

        Args:
            policy: completes the prefixes.
            reward: computes the reward of completed samples.
            samples: B samples.
            rewards: [B,1], the rewards of the samples themselves.
        """
        rows, length = samples.valid.shape
        total = rewards.new_zeros(rows * length)
        for completed in policy.rollouts(samples, self.count):
            last_token = completed.source * length + completed.prefix - 1  # of the prefix
            total.index_add_(0, last_token, reward(completed.samples)[:, 0])
        continues = torch.zeros_like(samples.valid)
        continues[:, :-1] = samples.valid[:, 1:]  # other tokens follow this one
        return torch.where(continues, total.view(rows, length) / self.count, rewards)

    def _policy(self, generator: Generator) -> Generator:
        """Returns the roll-out policy: the generator, or its moving average from the first call on."""
        if self.policy is None or self.update_rate is None:
            return generator
        keep = self.started * self.update_rate
        for slow, fast in zip(self.policy.parameters(), generator.parameters(), strict=True):
            slow.lerp_(fast, 1 - keep)
        self.started.fill_(1)
        return self.policy
