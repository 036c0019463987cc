"""From rewards to a loss: what score-function estimators share, and path estimators, plugins included."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.roles import Generator
from textgan.core.types import Loss, Samples


def to_go(reward: Tensor, chosen: Tensor) -> Tensor:
    """The return of each token, [B,T]: the sequence's reward [B,1], or the sum of token rewards [B,T] from here on."""
    if reward.shape[1] == 1:
        return reward.expand(chosen.shape)
    return (reward * chosen).flip(1).cumsum(1).flip(1)


def per_token(reward: Tensor, chosen: Tensor) -> Tensor:
    """What each token is paid at once, [B,T], 0 where it is not chosen. A sequence's reward comes with its last one."""
    if reward.shape[1] == 1:
        chosen = chosen & (chosen.flip(1).cumsum(1).flip(1) == 1)
    return torch.where(chosen, reward, 0.0)


def discounted(value: Tensor, factor: float) -> Tensor:
    """For each position t the sum over s >= t of factor^(s - t) value_s, [B,T] -> [B,T]."""
    position = torch.arange(value.shape[1], device=value.device)
    ahead = position.unsqueeze(1) - position  # [T,T], s - t
    weight = torch.where(ahead >= 0, torch.full_like(value[0, 0], factor) ** ahead.clamp_min(0), 0.0)
    return value @ weight


def entropy_bonus(generator: Generator, samples: Samples, weight: float) -> Tensor:
    """What each token adds to the objective weight * H(pi), [B,T]: -weight * log pi of it, without a gradient.

    Rewards that count it from each token on give the gradient of E[R] + weight * H(pi): what log pi's own gradient
    would add is zero in expectation. Costs a forward pass.
    """
    with torch.no_grad():
        return -weight * generator.log_prob(samples) * samples.chosen


def entropy_to_go(generator: Generator, samples: Samples, weight: float) -> Tensor:
    """What a token and all that follow add to the objective weight * H(pi), [B,T]."""
    return to_go(entropy_bonus(generator, samples, weight), samples.chosen)


def by_rank(value: Tensor, steepness: float) -> Tensor:
    """sigmoid(steepness * (0.5 - rank / B)) of the rank at its position, highest first, over the batch, [B,T].

    LeakGAN's bootstrapped rescaled activation (Guo et al. 2018, arXiv:1709.08624, section 3). Equal values share the
    mean of their ranks, so the order of the rows plays no part.
    """
    columns = value.t().contiguous()  # [T,B]
    ordered = columns.sort(1).values
    below, up_to = (torch.searchsorted(ordered, columns, right=right) for right in (False, True))
    rank = len(value) - up_to + (up_to - below + 1) / 2  # [T,B], 1 is the highest
    return (steepness * (0.5 - rank / len(value))).sigmoid().t()


def leave_one_out(value: Tensor) -> Tensor:
    """For each token, the mean value at its position over all other sequences, [B,T]; 0 for a batch of one.

    Independent of the token itself, so subtracting it leaves the expected gradient as it is (Kool et al. 2019). A
    sequence that has ended counts with what it came to, so that the longest one is not left without a baseline.
    Means are taken of what a value exceeds the first row's by: of a reward that is the same for all, nothing at all is
    left, which Adam would blow up to a step.
    """
    others = len(value) - 1
    if not others:
        return torch.zeros_like(value)
    excess = value - value[:1]  # [B,T]
    return value[:1] + (excess.sum(0, keepdim=True) - excess) / others


def policy_gradient(
    generator: Generator, samples: Samples, value: Tensor, reward: Tensor, baseline: str, reduction: str
) -> Loss:
    """The surrogate loss of tokens worth `value` [B,T], with the rewards' mean and spread as statistics."""
    if baseline == "leave_one_out":
        value = value - leave_one_out(value)
    loss = generator.policy_loss(samples, value)
    return Loss(loss * len(samples) if reduction == "sum" else loss, _stats(loss, reward, samples.chosen))


def path_gradient(samples: Samples, reward: Tensor) -> Loss:
    """Minus the reward, [B,1] or [B,T], of samples with gradients: summed over chosen tokens, mean over sequences.

    Its gradient is that of minus the expected reward along the samples' own path.
    """
    total = reward[:, 0] if reward.shape[1] == 1 else (reward * samples.chosen).sum(1)  # [B]
    loss = -total.mean()
    return Loss(loss, _stats(loss, reward.detach(), samples.chosen))


def _stats(loss: Tensor, reward: Tensor, chosen: Tensor) -> dict[str, Tensor]:
    each = reward[:, 0] if reward.shape[1] == 1 else _mean_over(reward, chosen)  # [B]
    return {"g_loss": loss.detach(), "reward_mean": each.mean(), "reward_std": torch.std(each, correction=0)}


def _mean_over(value: Tensor, chosen: Tensor) -> Tensor:
    """The mean of each row over its chosen tokens, [B]: padding earns nothing."""
    return (value * chosen).sum(1) / chosen.sum(1).clamp_min(1)
