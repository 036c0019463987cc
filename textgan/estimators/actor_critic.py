"""Actor-critic: a learned value of what was written so far takes the place of roll-outs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from textgan.estimators import returns
from textgan.nn.value_network import ValueNetwork
from textgan.core.options import Fraction, Literal, NonNegativeFloat, PositiveFloat, PositiveInt
from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss, Samples, Vocabulary


class ActorCritic(Estimator):
    """Credits each token with how much better things went than the critic expected before it.

    The critic V(y_<t) is an LSTM of the estimator's own, which reads what was written and what is given, never the
    token that it is to judge. Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438, equation 16):

    A_t = sum over s >= t of (discount * gae_lambda)^(s - t) (r_s + discount * V_(s+1) - V_s)

    A sequence's reward is token_rewards with its last chosen token; tokens that were given earn nothing. The critic is fitted to
    the returns by mean squared error. It learns only if the turn says so: `updates: [generator, estimator]`.

    Args:
        discount: what a reward one token later is worth; below 1 the gradient is biased towards early rewards.
            MaskGAN tuned it to 0.89.
        gae_lambda: 1 takes the returns as they came, which is unbiased; less trusts the critic for what comes later,
            which has less variance and is biased as far as the critic is wrong.
        clip_advantage: advantages are cut to plus and minus this; 5 in MaskGAN. Null cuts nothing.
        baseline: "leave_one_out" subtracts from an advantage its mean over the batch's other sequences at its position:
            no bias, and less variance where rewards drift faster than the critic follows; or "none".
        value_weight: weight of the critic's loss; the two share no parameters, so under Adam it changes nothing.
        entropy: weight lambda of the policy's entropy: what is maximised is E[R] + lambda H(pi).
        center_rewards: verdicts on tokens are token_rewards less their mean over the batch's chosen tokens. A word more then costs
            nothing and brings nothing by itself. Without it, a discriminator that is winning charges for each word,
            and sentences get shorter. Another objective than the sum of the rewards, and so biased.
        embed_dim: size of the critic's word embeddings.
        hidden_dim: size of the critic's state.
    """

    has_parameters: ClassVar[bool] = True
    unbiased: ClassVar[bool] = True
    annealable: ClassVar[frozenset[str]] = frozenset({"entropy"})
    sweep_values: ClassVar[Mapping[str, Sequence[float]]] = {"gae_lambda": (0.0, 0.5, 0.9, 0.95, 1.0)}

    def __init__(
        self,
        vocab: Vocabulary,
        discount: Fraction = 1.0,
        gae_lambda: Fraction = 1.0,
        clip_advantage: PositiveFloat | None = None,
        baseline: Literal["none", "leave_one_out"] = "none",
        value_weight: PositiveFloat = 1.0,
        entropy: NonNegativeFloat = 0.0,
        center_rewards: bool = False,
        embed_dim: PositiveInt = 64,
        hidden_dim: PositiveInt = 64,
    ) -> None:
        super().__init__()
        self.critic = ValueNetwork(vocab, embed_dim, hidden_dim)
        self.discount = discount
        self.gae_lambda = gae_lambda
        self.clip_advantage = clip_advantage
        self.baseline = baseline
        self.value_weight = value_weight
        self.entropy = entropy
        self.center_rewards = center_rewards

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)  # [B,1] or [B,T]
            level = _mean(rewards, samples.chosen) if self.center_rewards and rewards.shape[1] > 1 else 0.0
            token_rewards = returns.per_token(rewards - level, samples.chosen)  # [B,T]
            if self.entropy:
                token_rewards = token_rewards + returns.entropy_bonus(generator, samples, self.entropy)
            targets = returns.discounted(token_rewards, self.discount)
        values = self.values(samples)
        advantage = self.advantage(token_rewards, values.detach())
        loss, stats = returns.policy_gradient(generator, samples, advantage, rewards, self.baseline, "mean")
        value_loss = _mean((values - targets).square(), samples.valid)
        told = {"value_loss": value_loss, "explained_variance": _explained(values, targets, samples.chosen)}
        yield Loss(loss + self.value_weight * value_loss, {**stats, **{k: v.detach() for k, v in told.items()}})

    def values(self, samples: Samples) -> Tensor:
        """V before each token, [B,T], with gradients; 0 behind the end."""
        return self.critic(samples)  # type: ignore[no-any-return]

    def advantage(self, token_rewards: Tensor, values: Tensor) -> Tensor:
        """How much better it went than expected, [B,T], of what each token earned and of the value before it."""
        later = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], 1)
        td_error = token_rewards + self.discount * later - values
        advantage = returns.discounted(td_error, self.discount * self.gae_lambda)
        return advantage if self.clip_advantage is None else advantage.clamp(-self.clip_advantage, self.clip_advantage)


def _mean(value: Tensor, counted: Tensor) -> Tensor:
    return (value * counted).sum() / counted.sum().clamp_min(1)


def _explained(values: Tensor, returns: Tensor, counted: Tensor) -> Tensor:
    """The share of the returns' variance that the critic foresaw: 1 all of it, 0 no more than their mean; 0 if none."""

    def variance(of: Tensor) -> Tensor:
        return _mean((of - _mean(of, counted)).square(), counted)

    there = variance(returns)
    return torch.where(there > 0, 1 - variance(returns - values) / there.clamp_min(1e-12), 0.0)
