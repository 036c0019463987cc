"""Functions from rewards to losses, shared by the estimators and by plugins."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.roles import Generator
from textgan.core.types import Loss, Samples
from textgan.ops.masked import masked_mean_rows


def to_go(reward: Tensor, chosen: Tensor) -> Tensor:
    """Computes the return of each token, [B,T].

    That is the sequence's reward [B,1], or the sum of the rewards of this token and all later ones [B,T].

    Args:
        reward: [B,1] or [B,T].
        chosen: [B,T] bool, the tokens that the generator chose.
    """
    if reward.shape[1] == 1:
        return reward.expand(chosen.shape)
    return (reward * chosen).flip(1).cumsum(1).flip(1)


def per_token(reward: Tensor, chosen: Tensor) -> Tensor:
    """Computes the immediate reward of each token, [B,T], 0 where it is not chosen.

    The last chosen token gets a sequence's reward.

    Args:
        reward: [B,1] or [B,T].
        chosen: [B,T] bool, the tokens that the generator chose.
    """
    if reward.shape[1] == 1:
        chosen = chosen & (chosen.flip(1).cumsum(1).flip(1) == 1)
    return torch.where(chosen, reward, 0.0)


def discounted(value: Tensor, factor: float) -> Tensor:
    """Computes for each position t the sum over s >= t of factor^(s - t) value_s, [B,T] -> [B,T]."""
    position = torch.arange(value.shape[1], device=value.device)
    delay = position.unsqueeze(1) - position  # [T,T], s - t
    weight = torch.where(delay >= 0, torch.full_like(value[0, 0], factor) ** delay.clamp_min(0), 0.0)
    return value @ weight


def entropy_bonus(generator: Generator, samples: Samples, weight: float) -> Tensor:
    """Computes the term of each token in the objective weight * H(pi), [B,T]: -weight * log pi, without a gradient.

    Returns (sums from each token on) that include it have the gradient of E[R] + weight * H(pi): the additional term of
    log pi's own gradient is zero in expectation. Costs a forward pass.
    """
    with torch.no_grad():
        return -weight * generator.log_prob(samples) * samples.chosen


def entropy_to_go(generator: Generator, samples: Samples, weight: float) -> Tensor:
    """Computes the terms of each token and all later ones in the objective weight * H(pi), [B,T]."""
    return to_go(entropy_bonus(generator, samples, weight), samples.chosen)


def by_rank(value: Tensor, steepness: float) -> Tensor:
    """Computes sigmoid(steepness * (0.5 - rank / B)) of each value's rank over the batch at its position, [B,T].

    Rank 1 is the highest value. LeakGAN's bootstrapped rescaled activation (Guo et al. 2018, arXiv:1709.08624,
    section 3). Equal values share the mean of their ranks, so the order of the rows does not matter.
    """
    columns = value.t().contiguous()  # [T,B]
    ordered = columns.sort(1).values
    below, up_to = (torch.searchsorted(ordered, columns, right=right) for right in (False, True))
    rank = len(value) - up_to + (up_to - below + 1) / 2  # [T,B], 1 is the highest
    return (steepness * (0.5 - rank / len(value))).sigmoid().t()


def leave_one_out(value: Tensor) -> Tensor:
    """Computes for each token the mean value at its position over all other sequences, [B,T]; 0 for a batch of one.

    It is independent of the token itself, so subtracting it leaves the expected gradient unchanged (Kool et al. 2019).
    A sequence that has ended counts with its final value, so that the longest one has a baseline, too. Means are
    computed from differences to the first row: if all rewards are equal, exactly zero is left after subtraction.
    Adam would amplify a rounding error to a full step.
    """
    others = len(value) - 1
    if not others:
        return torch.zeros_like(value)
    excess = value - value[:1]  # [B,T]
    return value[:1] + (excess.sum(0, keepdim=True) - excess) / others


def policy_gradient(
    generator: Generator, samples: Samples, value: Tensor, reward: Tensor, baseline: str, reduction: str
) -> Loss:
    """Computes the surrogate loss of a score-function estimator.

    Args:
        generator: the policy.
        samples: its samples.
        value: [B,T], the value of each token.
        reward: [B,1] or [B,T]; its mean and standard deviation become statistics.
        baseline: "leave_one_out" subtracts the mean over the other sequences; "none" does not.
        reduction: over sequences, "mean" or "sum".
    """
    if baseline == "leave_one_out":
        value = value - leave_one_out(value)
    loss = generator.policy_loss(samples, value)
    return Loss(loss * len(samples) if reduction == "sum" else loss, _stats(loss, reward, samples.chosen))


def path_gradient(samples: Samples, reward: Tensor) -> Loss:
    """Computes minus the mean reward of samples with gradients.

    Its gradient is that of minus the expected reward along the samples' own path.

    Args:
        samples: B samples, with gradients.
        reward: [B,1], or [B,T], which is summed over chosen tokens.
    """
    total = reward[:, 0] if reward.shape[1] == 1 else (reward * samples.chosen).sum(1)  # [B]
    loss = -total.mean()
    return Loss(loss, _stats(loss, reward.detach(), samples.chosen))


def _stats(loss: Tensor, reward: Tensor, chosen: Tensor) -> dict[str, Tensor]:
    sequence_reward = reward[:, 0] if reward.shape[1] == 1 else masked_mean_rows(reward, chosen)  # [B]
    std = torch.std(sequence_reward, correction=0)
    return {"g_loss": loss.detach(), "reward_mean": sequence_reward.mean(), "reward_std": std}
