"""REINFORCE, and the mistakes that are made with it: each wrong version has to be caught."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
import torch
from torch import Tensor

from textgan.estimators import returns
from textgan.estimators.reinforce import Reinforce
from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.testing import (
    TabularGenerator,
    TabularReward,
    check_estimator,
    exact_gradient,
    expected_gradient,
    tiny_vocabulary,
)
from textgan.core.types import Batch, Loss, Samples


@pytest.mark.parametrize("baseline", ["leave_one_out", "none"])
def test_its_gradient_is_the_true_one(baseline: Literal["leave_one_out", "none"]) -> None:
    check_estimator(lambda generator: Reinforce(baseline))


def small(end: bool = False) -> tuple[TabularGenerator, int]:
    torch.manual_seed(0)
    return TabularGenerator(tiny_vocabulary(3, end), 3), 3


def deviation(
    estimator: Estimator, end: bool = False, rows: int = 2, repeats: int = 1500, per_token: bool = False
) -> tuple[float, float]:
    """Scale of the mean gradient beside the true one, and the worst deviation in standard errors."""
    generator, length = small(end)
    reward = TabularReward(generator.vocab, length, per_token)
    true = exact_gradient(generator, reward, generator.vocab, length)
    found, error = expected_gradient(estimator, generator, reward, Batch.blank(rows, length), repeats)
    return (found @ true / (true @ true)).item(), ((found - true).abs() / (error + 1e-6)).max().item()


def test_the_smallest_batches_are_right_too() -> None:
    scale, worst = deviation(Reinforce())
    assert worst < 5
    assert scale == pytest.approx(1, abs=0.15)


class BatchMean(Reinforce):
    """Wrong: the baseline has seen the sample itself, which shrinks the gradient to 1 - 1/B."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            value = (rewards - rewards.mean()).expand(samples.valid.shape)
        yield returns.policy_gradient(generator, samples, value, rewards, "none", self.reduction)


def test_a_baseline_that_includes_the_sample_is_caught() -> None:
    scale, worst = deviation(BatchMean())
    assert worst > 5
    assert scale == pytest.approx(0.5, abs=0.1)


class MeanOverTokens(Reinforce):
    """Wrong: a mean over tokens; the learning rate then means something else for every length."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            value = returns.to_go(rewards, samples.chosen)
            value = value - returns.leave_one_out(value)
        log_prob = generator.log_prob(samples)
        yield Loss(-(log_prob * value * samples.chosen).sum() / samples.chosen.sum(), {})


class NotDetached(Reinforce):
    """Wrong: the advantage carries a gradient of its own."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        samples = generator.sample(batch)
        log_prob = generator.log_prob(samples)
        ratio = (log_prob - log_prob.detach()).exp()  # one, with a gradient
        rewards = reward(samples)
        yield returns.policy_gradient(
            generator, samples, returns.to_go(rewards, samples.chosen) * ratio, rewards, self.baseline, self.reduction
        )


class PastRewards(Reinforce):
    """Wrong: each token is paid for what came before it."""

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
    ("wrong", "told"),
    [
        (MeanOverTokens, "unbiased"),
        (NotDetached, "unbiased"),
        (PastRewards, "unbiased|elsewhere"),
        (Ascends, "elsewhere"),
    ],
)
def test_wrong_versions_are_caught(wrong: type[Reinforce], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_estimator(lambda generator: wrong())


class PaysPadding(TabularReward):
    """A reward for each token that pays at random behind the end, too: nobody earned it."""

    def __call__(self, fake: Samples) -> Tensor:
        noise = 3 * torch.sin(7.0 * fake.x.cumsum(1) + torch.arange(fake.x.shape[1]))
        return torch.where(fake.valid, super().__call__(fake), noise)


def bias(estimator: Estimator) -> float:
    """Under a reward that pays padding, the worst deviation from what is earned, in standard errors."""
    generator, length = small(end=True)
    honest = TabularReward(generator.vocab, length, per_token=True)
    paying = PaysPadding(generator.vocab, length, per_token=True)
    true = exact_gradient(generator, honest, generator.vocab, length)
    found, error = expected_gradient(estimator, generator, paying, Batch.blank(4000, length), 30)
    return ((found - true).abs() / (error + 1e-6)).max().item()


class CountsPadding(Reinforce):
    """Wrong: rewards behind the end are credited to the words before it."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        with torch.no_grad():
            samples = generator.sample(batch)
            rewards = reward(samples)
            value = returns.to_go(rewards, torch.ones_like(samples.chosen))
        yield returns.policy_gradient(generator, samples, value, rewards, self.baseline, self.reduction)


def test_padding_earns_nothing() -> None:
    assert bias(Reinforce()) < 5
    assert bias(CountsPadding()) > 5


def test_a_sum_over_sequences_is_the_mean_times_their_number() -> None:
    generator, length = small()
    reward = TabularReward(generator.vocab, length)
    values = []
    for reduction in ("mean", "sum"):
        torch.manual_seed(1)
        (loss,) = Reinforce(reduction=reduction).losses(generator, reward, Batch.blank(8, length))  # type: ignore[arg-type]
        values.append(loss.value.item())
    assert values[1] == pytest.approx(8 * values[0])


def test_given_tokens_are_not_credited() -> None:
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
