"""Actor-critic, and the mistakes that are made with it: each wrong version has to be caught."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
import torch
from torch import Tensor

from textgan.estimators import returns
from textgan.estimators.actor_critic import ActorCritic
from textgan.core.roles import Generator, RewardFn
from textgan.testing import (
    TabularGenerator,
    TabularReward,
    check_estimator,
    enumerate_sequences,
    exact_gradient,
    expected_gradient,
    tiny_vocabulary,
)
from textgan.core.types import Batch, Loss, Samples


def small(kind: type[ActorCritic], generator: Generator, **options: object) -> ActorCritic:
    torch.manual_seed(0)
    return kind(generator.vocab, embed_dim=4, hidden_dim=8, **options)  # type: ignore[arg-type]


def fit(estimator: ActorCritic, generator: Generator, reward: RewardFn, length: int, steps: int = 150) -> float:
    """Trains the critic alone. Returns the share of the returns' variance that it foresees."""
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(estimator.parameters(), 2e-2)
    told = 0.0
    for _ in range(steps):
        (loss,) = estimator.losses(generator, reward, Batch.blank(256, length))
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        told = loss.stats["explained_variance"].item()
    return told


@pytest.mark.parametrize("baseline", ["none", "leave_one_out"])
def test_its_gradient_is_the_true_one(baseline: Literal["none", "leave_one_out"]) -> None:
    check_estimator(lambda generator: ActorCritic(tiny_vocabulary(3), baseline=baseline, embed_dim=4, hidden_dim=8))


def test_a_baseline_takes_away_what_the_critic_has_not_learned_yet() -> None:
    """A reward that has drifted by much: the critic knows nothing of it, the others of the batch do."""
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
    """The worst deviation from the true gradient, in standard errors."""
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
    """Wrong: the advantage carries the critic's gradient, so the policy loss trains the critic, too."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            paid = returns.per_token(rewards, samples.chosen)
        advantage = self.advantage(paid, self.values(samples))
        yield returns.policy_gradient(generator, samples, advantage, rewards, "none", "mean")


@pytest.mark.parametrize("per_token", [False, True])
@pytest.mark.parametrize("end", [False, True])
def test_a_critic_that_has_learned_leaves_the_gradient_true(end: bool, per_token: bool) -> None:
    generator = TabularGenerator(tiny_vocabulary(3, end), 3)
    reward = TabularReward(generator.vocab, 3, per_token)
    estimator = small(ActorCritic, generator)
    assert fit(estimator, generator, reward, 3) > 0.1
    assert deviation(estimator, generator, reward) < 5


def test_a_critic_that_sees_the_action_is_caught() -> None:
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    reward = TabularReward(generator.vocab, 3)
    estimator = small(SeesTheAction, generator)
    fit(estimator, generator, reward, 3)
    assert deviation(estimator, generator, reward) > 10


def policy_alone_reaches_the_critic(kind: type[ActorCritic]) -> bool:
    """Whether the critic learns from anything but its own loss, the squared error beside the returns."""
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    estimator = small(kind, generator, value_weight=1e-30)
    (loss,) = estimator.losses(generator, TabularReward(generator.vocab, 3), Batch.blank(64, 3))
    loss.value.backward()
    return any(p.grad is not None and bool((p.grad.abs() > 1e-12).any()) for p in estimator.parameters())


def test_an_advantage_that_is_not_detached_is_caught() -> None:
    assert not policy_alone_reaches_the_critic(ActorCritic)
    assert policy_alone_reaches_the_critic(NotDetached)


def test_the_critics_loss_does_not_move_the_generator() -> None:
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
def test_advantages_are_those_of_the_formula(end: bool) -> None:
    """Generalised advantages and returns beside two loops over what follows."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end), 5)
    batch = Batch.blank(6, 5)
    batch.given[:, 2] = True
    samples = generator.sample(batch)
    discount, decay = 0.8, 0.6
    estimator = small(ActorCritic, generator, discount=discount, gae_lambda=decay)
    paid = returns.per_token(torch.randn(6, 5), samples.chosen)
    values = torch.randn(6, 5) * samples.valid
    found, targets = estimator.advantage(paid, values), returns.discounted(paid, discount)
    for b, t in samples.valid.nonzero().tolist():
        surprise = [paid[b, s] + discount * (values[b, s + 1] if s < 4 else 0) - values[b, s] for s in range(5)]
        expected = sum((discount * decay) ** (s - t) * surprise[s] for s in range(t, 5))
        assert found[b, t].item() == pytest.approx(float(expected), abs=1e-5)
        earned = sum(discount ** (s - t) * paid[b, s] for s in range(t, 5))
        assert targets[b, t].item() == pytest.approx(float(earned), abs=1e-5)
    clipped = small(ActorCritic, generator, discount=discount, gae_lambda=decay, clip_advantage=0.3)
    torch.testing.assert_close(clipped.advantage(paid, values), found.clamp(-0.3, 0.3))


def test_with_lambda_one_the_value_of_later_states_cancels() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 5)
    paid, values = torch.randn(4, 5), torch.randn(4, 5)
    found = small(ActorCritic, generator, discount=0.9).advantage(paid, values)
    torch.testing.assert_close(found, returns.discounted(paid, 0.9) - values)
    at_once = small(ActorCritic, generator, gae_lambda=0.0).advantage(paid, values)
    torch.testing.assert_close(at_once[:, -1], paid[:, -1] - values[:, -1])
    torch.testing.assert_close(at_once[:, 0], paid[:, 0] + values[:, 1] - values[:, 0])


@torch.no_grad()
def test_the_value_depends_on_the_past_and_on_what_is_given_alone() -> None:
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
def test_padding_is_worth_nothing_and_changes_nothing() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 6)
    critic = small(ActorCritic, generator).critic
    samples = generator.sample(Batch.blank(16, 6))
    assert not samples.valid.all()
    value = critic(samples)
    assert not value[~samples.valid].any()
    torch.testing.assert_close(critic(samples.with_x(samples.x.masked_fill(~samples.valid, 1))), value)


def test_a_critic_that_has_learned_knows_what_to_expect() -> None:
    """Each value beside the mean reward of all that can follow, by enumeration."""
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    reward = TabularReward(generator.vocab, 3)
    estimator = small(ActorCritic, generator)
    fit(estimator, generator, reward, 3, steps=400)
    every = enumerate_sequences(generator.vocab, 3)
    with torch.no_grad():
        law, worth = generator.log_prob(every).sum(1).exp(), reward(every)[:, 0]
        value = estimator.values(every)
    apart, spread = [], []
    for t in range(3):
        for row in range(len(every)):
            follows = (every.x[:, :t] == every.x[row, :t]).all(1)
            mean = (law[follows] * worth[follows]).sum() / law[follows].sum()
            apart.append(law[row] * (value[row, t] - mean).square())
            spread.append(law[row] * worth[row].square())
    assert sum(apart) < 0.03 * sum(spread)


def test_less_variance_than_without_a_baseline() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 4)
    reward = TabularReward(generator.vocab, 4)
    estimator = small(ActorCritic, generator)
    _, before = expected_gradient(estimator, generator, reward, Batch.blank(100, 4), 200)
    fit(estimator, generator, reward, 4)
    _, after = expected_gradient(estimator, generator, reward, Batch.blank(100, 4), 200)
    assert after.square().sum() < 0.8 * before.square().sum()


def test_given_tokens_are_not_credited_and_earn_nothing() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    batch = Batch.blank(64, 3)
    batch.given[:, 0] = batch.given[:, 2] = True

    def pays_what_is_given(samples: Samples) -> Tensor:
        return torch.where(samples.chosen, 1.0, 1e6)

    (loss,) = small(ActorCritic, generator).losses(generator, pays_what_is_given, batch)
    assert loss.stats["value_loss"].item() < 10
    loss.value.backward()
    assert generator.table.grad is not None
    by_position = generator.table.grad.view(3, -1)
    assert not by_position[0].any()
    assert by_position[1].any()
    assert not by_position[2].any()


def moved(reward: RewardFn, **options: object) -> Tensor:
    """The gradient of one batch of sentences that end, some tokens given, and the statistic of what was earned."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    batch = Batch.blank(64, 4)
    batch.given[:32, 0] = True
    (loss,) = small(ActorCritic, generator, **options).losses(generator, reward, batch)
    loss.value.backward()
    assert generator.table.grad is not None
    return torch.cat([generator.table.grad.flatten(), loss.stats["reward_mean"].view(1)])


def test_centred_a_price_on_each_word_changes_nothing() -> None:
    reward = TabularReward(tiny_vocabulary(3, end=True), 4, per_token=True)

    def dearer(samples: Samples) -> Tensor:
        return reward(samples) - 2.0

    apart = {c: moved(reward, center_rewards=c) - moved(dearer, center_rewards=c) for c in (True, False)}
    torch.testing.assert_close(apart[True][:-1], torch.zeros_like(apart[True][:-1]), atol=1e-5, rtol=0)
    assert apart[False][:-1].norm() > 0.1
    for difference in apart.values():
        assert difference[-1].item() == pytest.approx(2.0), "what is told is what was earned"


def test_centred_a_sequences_reward_stays_as_it_is() -> None:
    reward = TabularReward(tiny_vocabulary(3, end=True), 4)
    assert torch.equal(moved(reward, center_rewards=True), moved(reward, center_rewards=False))


def test_statistics_are_detached_and_say_what_they_say() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    estimator = small(ActorCritic, generator)
    (loss,) = estimator.losses(generator, TabularReward(generator.vocab, 3), Batch.blank(64, 3))
    assert set(loss.stats) == {"g_loss", "reward_mean", "reward_std", "value_loss", "explained_variance"}
    assert not any(s.requires_grad for s in loss.stats.values())
    assert (loss.stats["g_loss"] + loss.stats["value_loss"]).item() == pytest.approx(loss.value.item())
    (loss,) = estimator.losses(generator, lambda s: torch.ones(len(s), 1), Batch.blank(64, 3))
    assert loss.stats["explained_variance"].item() == 0  # there is nothing to explain
