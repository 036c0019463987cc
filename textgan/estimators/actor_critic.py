"""Actor-critic: a learned value of each prefix instead of roll-outs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.options import Fraction, Literal, NonNegativeFloat, PositiveFloat, PositiveInt
from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss, Samples, Vocabulary
from textgan.estimators import returns
from textgan.nn.value_network import ValueNetwork
from textgan.ops.masked import masked_mean


class ActorCritic(Estimator):
    """Estimates the policy gradient with advantages: how much each token exceeds the critic's expectation before it.

    The critic V(y_<t) is an LSTM of the estimator's own. It reads the previous tokens and what is given, never the
    token whose value it estimates. Advantages are generalised (Schulman et al. 2016, arXiv:1506.02438, equation 16):

    A_t = sum over s >= t of (discount * gae_lambda)^(s - t) (r_s + discount * V_(s+1) - V_s)

    The last chosen token gets a sequence's reward; given tokens get none. The critic is fitted to the returns by mean
    squared error. It is trained only if the turn updates it: `updates: [generator, estimator]`.

    Args:
        vocab: gives the size of the critic's embedding.
        discount: factor for a reward one token later; below 1 the gradient is biased towards early rewards. MaskGAN
            tuned it to 0.89.
        gae_lambda: 1 uses the observed returns, which is unbiased; less relies on the critic for later rewards, which
            has less variance and is biased as far as the critic is wrong.
        clip_advantage: advantages are clipped to plus and minus this; 5 in MaskGAN. Null does not clip.
        baseline: "leave_one_out" subtracts from an advantage its mean over the batch's other sequences at its position:
            no bias, and less variance where rewards change faster than the critic learns; or "none".
        value_weight: weight of the critic's loss; actor and critic share no parameters, so under Adam it has no effect.
        entropy: weight lambda of the policy's entropy: the objective is E[R] + lambda H(pi).
        center_rewards: subtracts from rewards of tokens their mean over the batch's chosen tokens. An additional token
            then neither costs nor gains anything by itself. Without it, the rewards of a discriminator that is winning
            are negative for each token, and sentences get shorter. This changes the objective from the sum of the
            rewards, so the gradient is biased.
        embed_dim: size of the critic's token embeddings.
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
            center = masked_mean(rewards, samples.chosen) if self.center_rewards and rewards.shape[1] > 1 else 0.0
            token_rewards = returns.per_token(rewards - center, samples.chosen)  # [B,T]
            if self.entropy:
                token_rewards = token_rewards + returns.entropy_bonus(generator, samples, self.entropy)
            targets = returns.discounted(token_rewards, self.discount)
        values = self.values(samples)
        advantage = self.advantage(token_rewards, values.detach())
        loss, stats = returns.policy_gradient(generator, samples, advantage, rewards, self.baseline, "mean")
        value_loss = masked_mean((values - targets).square(), samples.valid)
        explained = _explained_variance(values, targets, samples.chosen)
        critic_stats = {"value_loss": value_loss.detach(), "explained_variance": explained.detach()}
        yield Loss(loss + self.value_weight * value_loss, {**stats, **critic_stats})

    def values(self, samples: Samples) -> Tensor:
        """Computes V before each token, [B,T], with gradients; 0 after the end."""
        return self.critic(samples)  # type: ignore[no-any-return]

    def advantage(self, token_rewards: Tensor, values: Tensor) -> Tensor:
        """Computes generalised advantages, [B,T].

        Args:
            token_rewards: [B,T], the immediate reward of each token.
            values: [B,T], V before each token.
        """
        next_values = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], 1)
        td_error = token_rewards + self.discount * next_values - values
        advantage = returns.discounted(td_error, self.discount * self.gae_lambda)
        return advantage if self.clip_advantage is None else advantage.clamp(-self.clip_advantage, self.clip_advantage)


def _explained_variance(values: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    """Computes the share of the returns' variance that the critic predicts; 0 if they have none.

    1 is a perfect prediction, 0 is as good as their mean.
    """

    def variance(each: Tensor) -> Tensor:
        return masked_mean((each - masked_mean(each, weight)).square(), weight)

    total = variance(targets)
    return torch.where(total > 0, 1 - variance(targets - values) / total.clamp_min(1e-12), 0.0)
