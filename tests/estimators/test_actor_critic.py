"""Actor-critic, and deliberately wrong versions that the tests must detect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
import torch
from torch import Tensor

from textgan.core.roles import Generator, RewardFn
from textgan.core.types import Batch, Loss, Samples
from textgan.estimators import returns
from textgan.estimators.actor_critic import ActorCritic
from textgan.testing import (
    TabularGenerator,
    TabularReward,
    check_estimator,
    enumerate_sequences,
    exact_gradient,
    expected_gradient,
    tiny_vocabulary,
)


def small(kind: type[ActorCritic], generator: Generator, **options: object) -> ActorCritic:
    torch.manual_seed(0)
    return kind(generator.vocab, embed_dim=4, hidden_dim=8, **options)  # type: ignore[arg-type]


def fit(estimator: ActorCritic, generator: Generator, reward: RewardFn, length: int, steps: int = 150) -> float:
    """Trains only the critic. Returns its explained variance."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(estimator.parameters(), 2e-2)
    explained = 0.0
    for _ in range(steps):
        (loss,) = estimator.losses(generator, reward, Batch.blank(256, length))
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        explained = loss.stats["explained_variance"].item()
    return explained


@pytest.mark.parametrize("baseline", ["none", "leave_one_out"])
def test_the_gradient_is_unbiased(baseline: Literal["none", "leave_one_out"]) -> None:
    check_estimator(lambda generator: ActorCritic(tiny_vocabulary(3), baseline=baseline, embed_dim=4, hidden_dim=8))


def test_a_baseline_removes_what_the_critic_has_not_learned_yet() -> None:
    """After a large shift of all rewards, which the critic has not learned but the batch shows."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 4)
    reward = TabularReward(generator.vocab, 4)
    errors = []
    for baseline in ("none", "leave_one_out"):
        estimator = small(ActorCritic, generator, baseline=baseline)
        _, error = expected_gradient(estimator, generator, lambda s: reward(s) + 50.0, Batch.blank(100, 4), 50)
        errors.append(error.square().sum().item())
    assert errors[1] < 0.01 * errors[0]


def deviation(estimator: ActorCritic, generator: TabularGenerator, reward: TabularReward, length: int = 3) -> float:
    """Computes the largest deviation from the true gradient, in standard errors."""
    true = exact_gradient(generator, reward, generator.vocab, length)
    torch.manual_seed(1)
    found, error = expected_gradient(estimator, generator, reward, Batch.blank(4000, length), 30)
    return ((found - true).abs() / (error + 1e-6)).max().item()


class SeesTheAction(ActorCritic):
    """Wrong, by one: the value before a token has read the token."""

    def values(self, samples: Samples) -> Tensor:
        after = super().values(samples)[:, 1:]
        return torch.cat([after, torch.zeros_like(after[:, :1])], 1)


class NotDetached(ActorCritic):
    """Wrong: the advantage has a gradient, so the policy loss trains the critic, too."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            token_rewards = returns.per_token(rewards, samples.chosen)
        advantage = self.advantage(token_rewards, self.values(samples))
        yield returns.policy_gradient(generator, samples, advantage, rewards, "none", "mean")


@pytest.mark.parametrize("per_token", [False, True])
@pytest.mark.parametrize("end", [False, True])
def test_a_trained_critic_leaves_the_gradient_unbiased(end: bool, per_token: bool) -> None:
    generator = TabularGenerator(tiny_vocabulary(3, end), 3)
    reward = TabularReward(generator.vocab, 3, per_token)
    estimator = small(ActorCritic, generator)
    assert fit(estimator, generator, reward, 3) > 0.1
    assert deviation(estimator, generator, reward) < 5


def test_a_critic_that_sees_the_action_is_detected() -> None:
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    reward = TabularReward(generator.vocab, 3)
    estimator = small(SeesTheAction, generator)
    fit(estimator, generator, reward, 3)
    assert deviation(estimator, generator, reward) > 10


def policy_loss_reaches_the_critic(kind: type[ActorCritic]) -> bool:
    """Whether the critic has a gradient from anything but its own loss, the squared error to the returns."""
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    estimator = small(kind, generator, value_weight=1e-30)
    (loss,) = estimator.losses(generator, TabularReward(generator.vocab, 3), Batch.blank(64, 3))
    loss.value.backward()
    return any(p.grad is not None and bool((p.grad.abs() > 1e-12).any()) for p in estimator.parameters())


def test_an_advantage_that_is_not_detached_is_detected() -> None:
    assert not policy_loss_reaches_the_critic(ActorCritic)
    assert policy_loss_reaches_the_critic(NotDetached)


def test_the_critics_loss_has_no_gradient_in_the_generator() -> None:
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    grads = []
    for weight in (1.0, 100.0):
        torch.manual_seed(0)
        estimator = small(ActorCritic, generator, value_weight=weight)
        generator.zero_grad()
        (loss,) = estimator.losses(generator, TabularReward(generator.vocab, 3), Batch.blank(64, 3))
        loss.value.backward()
        assert generator.table.grad is not None
        grads.append(generator.table.grad.clone())
    assert torch.equal(*grads)


@pytest.mark.parametrize("end", [False, True])
def test_advantages_equal_the_formula(end: bool) -> None:
    """Compares generalised advantages and returns with sums over all later tokens."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end), 5)
    batch = Batch.blank(6, 5)
    batch.given[:, 2] = True
    samples = generator.sample(batch)
    discount, decay = 0.8, 0.6
    estimator = small(ActorCritic, generator, discount=discount, gae_lambda=decay)
    token_rewards = returns.per_token(torch.randn(6, 5), samples.chosen)
    values = torch.randn(6, 5) * samples.valid
    found, targets = estimator.advantage(token_rewards, values), returns.discounted(token_rewards, discount)
    for b, t in samples.valid.nonzero().tolist():
        td_error = [
            token_rewards[b, s] + discount * (values[b, s + 1] if s < 4 else 0) - values[b, s] for s in range(5)
        ]
        expected = sum((discount * decay) ** (s - t) * td_error[s] for s in range(t, 5))
        assert found[b, t].item() == pytest.approx(float(expected), abs=1e-5)
        expected_return = sum(discount ** (s - t) * token_rewards[b, s] for s in range(t, 5))
        assert targets[b, t].item() == pytest.approx(float(expected_return), abs=1e-5)
    clipped = small(ActorCritic, generator, discount=discount, gae_lambda=decay, clip_advantage=0.3)
    torch.testing.assert_close(clipped.advantage(token_rewards, values), found.clamp(-0.3, 0.3))


def test_with_lambda_one_the_values_of_later_states_cancel() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 5)
    token_rewards, values = torch.randn(4, 5), torch.randn(4, 5)
    found = small(ActorCritic, generator, discount=0.9).advantage(token_rewards, values)
    torch.testing.assert_close(found, returns.discounted(token_rewards, 0.9) - values)
    one_step = small(ActorCritic, generator, gae_lambda=0.0).advantage(token_rewards, values)
    torch.testing.assert_close(one_step[:, -1], token_rewards[:, -1] - values[:, -1])
    torch.testing.assert_close(one_step[:, 0], token_rewards[:, 0] + values[:, 1] - values[:, 0])


@torch.no_grad()
def test_the_value_depends_only_on_previous_and_given_tokens() -> None:
    torch.manual_seed(0)
    vocab = tiny_vocabulary(5)
    critic = small(ActorCritic, TabularGenerator(vocab, 6)).critic
    valid = torch.ones(1, 6, dtype=torch.bool)
    chosen = torch.tensor([[True, True, False, True, False, True]])
    x = torch.randint(5, (1, 6))
    value = critic(Samples(x, valid, chosen))
    for t in range(6):
        other = x.clone()
        other[0, t] = (x[0, t] + 1) % 5
        changed = critic(Samples(other, valid, chosen)) != value  # [1,6]
        first = t + 1 if chosen[0, t] else t  # a given token is known before it is read
        assert not changed[0, :first].any()
        assert changed[0, first:].all()


@torch.no_grad()
def test_padding_has_value_zero_and_no_influence() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 6)
    critic = small(ActorCritic, generator).critic
    samples = generator.sample(Batch.blank(16, 6))
    assert not samples.valid.all()
    value = critic(samples)
    assert not value[~samples.valid].any()
    torch.testing.assert_close(critic(samples.with_x(samples.x.masked_fill(~samples.valid, 1))), value)


def test_a_trained_critic_predicts_conditional_expectations() -> None:
    """Compares each value with the mean reward of all continuations, by enumeration."""
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    reward = TabularReward(generator.vocab, 3)
    estimator = small(ActorCritic, generator)
    fit(estimator, generator, reward, 3, steps=400)
    every = enumerate_sequences(generator.vocab, 3)
    with torch.no_grad():
        probability, rewards = generator.log_prob(every).sum(1).exp(), reward(every)[:, 0]
        value = estimator.values(every)
    errors, variances = [], []
    for t in range(3):
        for row in range(len(every)):
            follows = (every.x[:, :t] == every.x[row, :t]).all(1)
            mean = (probability[follows] * rewards[follows]).sum() / probability[follows].sum()
            errors.append(probability[row] * (value[row, t] - mean).square())
            variances.append(probability[row] * rewards[row].square())
    assert sum(errors) < 0.03 * sum(variances)


def test_a_trained_critic_reduces_the_variance() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 4)
    reward = TabularReward(generator.vocab, 4)
    estimator = small(ActorCritic, generator)
    _, before = expected_gradient(estimator, generator, reward, Batch.blank(100, 4), 200)
    fit(estimator, generator, reward, 4)
    _, after = expected_gradient(estimator, generator, reward, Batch.blank(100, 4), 200)
    assert after.square().sum() < 0.8 * before.square().sum()


def test_given_tokens_have_no_gradient_and_no_reward() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    batch = Batch.blank(64, 3)
    batch.given[:, 0] = batch.given[:, 2] = True

    def large_where_given(samples: Samples) -> Tensor:
        return torch.where(samples.chosen, 1.0, 1e6)

    (loss,) = small(ActorCritic, generator).losses(generator, large_where_given, batch)
    assert loss.stats["value_loss"].item() < 10
    loss.value.backward()
    assert generator.table.grad is not None
    by_position = generator.table.grad.view(3, -1)
    assert not by_position[0].any()
    assert by_position[1].any()
    assert not by_position[2].any()


def run_batch(reward: RewardFn, **options: object) -> Tensor:
    """Returns the gradient of one batch of sentences that end, some tokens given, and the mean reward."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    batch = Batch.blank(64, 4)
    batch.given[:32, 0] = True
    (loss,) = small(ActorCritic, generator, **options).losses(generator, reward, batch)
    loss.value.backward()
    assert generator.table.grad is not None
    return torch.cat([generator.table.grad.flatten(), loss.stats["reward_mean"].view(1)])


def test_centred_rewards_ignore_a_constant_per_token() -> None:
    reward = TabularReward(tiny_vocabulary(3, end=True), 4, per_token=True)

    def lower(samples: Samples) -> Tensor:
        return reward(samples) - 2.0

    differences = {c: run_batch(reward, center_rewards=c) - run_batch(lower, center_rewards=c) for c in (True, False)}
    torch.testing.assert_close(differences[True][:-1], torch.zeros_like(differences[True][:-1]), atol=1e-5, rtol=0)
    assert differences[False][:-1].norm() > 0.1
    for difference in differences.values():
        assert difference[-1].item() == pytest.approx(2.0), "the statistic is the reward before centering"


def test_rewards_of_sequences_are_not_centred() -> None:
    reward = TabularReward(tiny_vocabulary(3, end=True), 4)
    assert torch.equal(run_batch(reward, center_rewards=True), run_batch(reward, center_rewards=False))


def test_statistics_are_detached_and_correct() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    estimator = small(ActorCritic, generator)
    (loss,) = estimator.losses(generator, TabularReward(generator.vocab, 3), Batch.blank(64, 3))
    assert set(loss.stats) == {"g_loss", "reward_mean", "reward_std", "value_loss", "explained_variance"}
    assert not any(s.requires_grad for s in loss.stats.values())
    assert (loss.stats["g_loss"] + loss.stats["value_loss"]).item() == pytest.approx(loss.value.item())
    (loss,) = estimator.losses(generator, lambda s: torch.ones(len(s), 1), Batch.blank(64, 3))
    assert loss.stats["explained_variance"].item() == 0  # the returns have no variance
