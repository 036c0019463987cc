"""REINFORCE, and deliberately wrong versions that the tests must detect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
import torch
from torch import Tensor

from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss, Samples
from textgan.estimators import returns
from textgan.estimators.reinforce import Reinforce
from textgan.testing import (
    TabularGenerator,
    TabularReward,
    check_estimator,
    exact_gradient,
    expected_gradient,
    tiny_vocabulary,
)


@pytest.mark.parametrize("baseline", ["leave_one_out", "none"])
def test_the_gradient_is_unbiased(baseline: Literal["leave_one_out", "none"]) -> None:
    check_estimator(lambda generator: Reinforce(baseline))


def small(end: bool = False) -> tuple[TabularGenerator, int]:
    torch.manual_seed(0)
    return TabularGenerator(tiny_vocabulary(3, end), 3), 3


def deviation(
    estimator: Estimator, end: bool = False, rows: int = 2, repeats: int = 1500, per_token: bool = False
) -> tuple[float, float]:
    """Computes the scale relative to the true gradient, and the largest deviation in standard errors."""
    generator, length = small(end)
    reward = TabularReward(generator.vocab, length, per_token)
    true = exact_gradient(generator, reward, generator.vocab, length)
    found, error = expected_gradient(estimator, generator, reward, Batch.blank(rows, length), repeats)
    return (found @ true / (true @ true)).item(), ((found - true).abs() / (error + 1e-6)).max().item()


def test_batches_of_two_are_unbiased() -> None:
    scale, worst = deviation(Reinforce())
    assert worst < 5
    assert scale == pytest.approx(1, abs=0.15)


class BatchMean(Reinforce):
    """Wrong: the baseline includes the sample itself, which scales the gradient by 1 - 1/B."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            value = (rewards - rewards.mean()).expand(samples.valid.shape)
        yield returns.policy_gradient(generator, samples, value, rewards, "none", self.reduction)


def test_a_baseline_that_includes_the_sample_is_detected() -> None:
    scale, worst = deviation(BatchMean())
    assert worst > 5
    assert scale == pytest.approx(0.5, abs=0.1)


class MeanOverTokens(Reinforce):
    """Wrong: a mean over tokens, so that the scale depends on the length."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            value = returns.to_go(rewards, samples.chosen)
            value = value - returns.leave_one_out(value)
        log_prob = generator.log_prob(samples)
        yield Loss(-(log_prob * value * samples.chosen).sum() / samples.chosen.sum(), {})


class NotDetached(Reinforce):
    """Wrong: the advantage has a gradient of its own."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        samples = generator.sample(batch)
        log_prob = generator.log_prob(samples)
        ratio = (log_prob - log_prob.detach()).exp()  # one, with a gradient
        rewards = reward(samples)
        yield returns.policy_gradient(
            generator, samples, returns.to_go(rewards, samples.chosen) * ratio, rewards, self.baseline, self.reduction
        )


class PastRewards(Reinforce):
    """Wrong: each token is credited with earlier rewards."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            value = rewards.expand(samples.valid.shape).cumsum(1) if rewards.shape[1] > 1 else rewards * samples.chosen
        yield returns.policy_gradient(generator, samples, value, rewards, self.baseline, self.reduction)


class Ascends(Reinforce):
    """Wrong: the sign."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        for value, stats in super().losses(generator, reward, batch):
            yield Loss(-value, stats)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (MeanOverTokens, "unbiased"),
        (NotDetached, "unbiased"),
        (PastRewards, "unbiased|points away"),
        (Ascends, "points away"),
    ],
)
def test_wrong_versions_are_detected(wrong: type[Reinforce], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_estimator(lambda generator: wrong())


class RewardsPadding(TabularReward):
    """Has pseudo-random rewards for padding, too, which must not count."""

    def __call__(self, fake: Samples) -> Tensor:
        noise = 3 * torch.sin(7.0 * fake.x.cumsum(1) + torch.arange(fake.x.shape[1]))
        return torch.where(fake.valid, super().__call__(fake), noise)


def bias(estimator: Estimator) -> float:
    """Computes the largest deviation from the true gradient under a reward of padding, in standard errors."""
    generator, length = small(end=True)
    without = TabularReward(generator.vocab, length, per_token=True)
    with_padding = RewardsPadding(generator.vocab, length, per_token=True)
    true = exact_gradient(generator, without, generator.vocab, length)
    found, error = expected_gradient(estimator, generator, with_padding, Batch.blank(4000, length), 30)
    return ((found - true).abs() / (error + 1e-6)).max().item()


class CountsPadding(Reinforce):
    """Wrong: rewards after the end are credited to the tokens before it."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            value = returns.to_go(rewards, torch.ones_like(samples.chosen))
        yield returns.policy_gradient(generator, samples, value, rewards, self.baseline, self.reduction)


def test_rewards_of_padding_do_not_count() -> None:
    assert bias(Reinforce()) < 5
    assert bias(CountsPadding()) > 5


def test_the_sum_over_sequences_is_the_mean_times_their_number() -> None:
    generator, length = small()
    reward = TabularReward(generator.vocab, length)
    values = []
    for reduction in ("mean", "sum"):
        torch.manual_seed(1)
        (loss,) = Reinforce(reduction=reduction).losses(generator, reward, Batch.blank(8, length))  # type: ignore[arg-type]
        values.append(loss.value.item())
    assert values[1] == pytest.approx(8 * values[0])


def test_given_tokens_have_no_gradient() -> None:
    generator, length = small()
    batch = Batch.blank(64, length)
    batch.given[:, 0] = True
    (loss,) = Reinforce().losses(generator, TabularReward(generator.vocab, length), batch)
    loss.value.backward()  # type: ignore[no-untyped-call]
    grad = generator.table.grad
    assert grad is not None
    by_position = grad.view(length, -1)
    assert not by_position[0].any()
    assert by_position[1].any()
