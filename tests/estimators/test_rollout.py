"""Roll-outs, and deliberately wrong versions that the tests must detect."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor

from textgan.core.roles import Generator, RewardFn
from textgan.core.types import Batch, Samples
from textgan.estimators.returns import by_rank
from textgan.estimators.rollout import Rollout
from textgan.generation import sampling
from textgan.testing import TabularGenerator, TabularReward, check_estimator, enumerate_sequences, tiny_vocabulary


@pytest.mark.parametrize("baseline", ["leave_one_out", "none"])
def test_the_gradient_is_unbiased(baseline: Literal["leave_one_out", "none"]) -> None:
    check_estimator(lambda generator: Rollout(generator, 2, baseline), rows=1500)


def test_a_slow_copy_of_a_constant_generator_is_unbiased() -> None:
    check_estimator(lambda generator: Rollout(generator, 1, update_rate=0.8), rows=1500)


class NotTransposed(Rollout):
    """Wrong: values are computed by prefix, [T,B], and reshaped to [B,T] instead of transposed."""

    def values(self, policy: Generator, reward: RewardFn, samples: Samples, rewards: Tensor) -> Tensor:
        correct = super().values(policy, reward, samples, rewards)
        return correct.t().reshape(correct.shape)


class OneLate(Rollout):
    """Wrong: a token is credited with the value of the prefix before it."""

    def values(self, policy: Generator, reward: RewardFn, samples: Samples, rewards: Tensor) -> Tensor:
        correct = super().values(policy, reward, samples, rewards)
        return torch.cat([correct[:, :1] * 0, correct[:, :-1]], 1)


class SumOfRollouts(Rollout):
    """Wrong: the sum over roll-outs instead of their mean."""

    def values(self, policy: Generator, reward: RewardFn, samples: Samples, rewards: Tensor) -> Tensor:
        return super().values(policy, reward, samples, rewards) * self.count


@pytest.mark.parametrize("wrong", [NotTransposed, OneLate, SumOfRollouts])
def test_wrong_versions_are_detected(wrong: type[Rollout]) -> None:
    with pytest.raises(AssertionError, match=r"unbiased|points away"):
        check_estimator(lambda generator: wrong(generator, 2), rows=1500)


@torch.no_grad()
@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("rows_at_once", [100_000, 300])
def test_values_are_conditional_expectations(end: bool, rows_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compares each value with the conditional expectation, by enumeration; at the end it is the reward itself."""
    monkeypatch.setattr(sampling, "ROWS", rows_at_once)
    torch.manual_seed(0)
    vocab, count = tiny_vocabulary(3, end), 2000
    generator, reward = TabularGenerator(vocab, 3), TabularReward(vocab, 3)
    samples = generator.sample(Batch.blank(5, 3))
    rewards = reward(samples)
    found = Rollout(generator, count).values(generator, reward, samples, rewards)
    every = enumerate_sequences(vocab, 3)
    probability, reward_of = generator.log_prob(every).sum(1).exp(), reward(every)[:, 0]
    for b, t in samples.valid.nonzero().tolist():
        follows = (every.x[:, : t + 1] == samples.x[b, : t + 1]).all(1) & every.valid[:, t]
        conditional = probability[follows] / probability[follows].sum()
        mean = (conditional * reward_of[follows]).sum()
        error = ((conditional * reward_of[follows].square()).sum() - mean.square()).clamp_min(0).sqrt() / count**0.5
        assert abs(found[b, t] - mean) <= 4 * error + 1e-5
        if t == 2 or not samples.valid[b, t + 1]:
            assert found[b, t] == rewards[b, 0]


def test_published_seqgan_is_the_sum_of_raw_rewards() -> None:
    torch.manual_seed(0)
    vocab = tiny_vocabulary(3)
    generator = TabularGenerator(vocab, 3)

    def half(samples: Samples) -> Tensor:
        return torch.full((len(samples), 1), 0.5)

    (loss,) = Rollout(generator, 4, "none", "sum").losses(generator, half, Batch.blank(10, 3))
    torch.manual_seed(0)
    samples = generator.sample(Batch.blank(10, 3))
    assert loss.value.item() == pytest.approx(-0.5 * generator.log_prob(samples).sum().item(), rel=1e-4)
    (none,) = Rollout(generator, 4).losses(generator, half, Batch.blank(10, 3))
    assert none.value.item() == pytest.approx(0, abs=1e-6)  # with a baseline, a constant has no gradient


def test_leakgans_rescaled_values_are_ranks_over_the_batch() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    reward = TabularReward(generator.vocab, 4)
    losses = []
    for factor in (1.0, 100.0):  # only the order of the rewards matters

        def scaled(samples: Samples, factor: float = factor) -> Tensor:
            return factor * reward(samples)

        torch.manual_seed(1)
        (loss,) = Rollout(generator, 8, "none", rescale="rank").losses(generator, scaled, Batch.blank(10, 4))
        losses.append(loss.value.item())
    assert losses[0] == pytest.approx(losses[1])
    torch.manual_seed(1)
    samples = generator.sample(Batch.blank(10, 4))
    value = Rollout(generator, 8).values(generator, reward, samples, reward(samples))
    expected = generator.policy_loss(samples, by_rank(value, 16.0)).item()
    assert losses[0] == pytest.approx(expected, rel=1e-4)


def test_equal_rewards_have_zero_loss_by_rank() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    estimator = Rollout(generator, 2, rescale="rank")
    (loss,) = estimator.losses(generator, lambda samples: torch.full((len(samples), 1), 0.3), Batch.blank(10, 4))
    assert loss.value.item() == 0


def test_two_tokens_and_one_roll_out() -> None:
    generator = TabularGenerator(tiny_vocabulary(2), 2)
    (loss,) = Rollout(generator, 1).losses(generator, TabularReward(generator.vocab, 2), Batch.blank(4, 2))
    assert loss.value.isfinite()
    (loss,) = Rollout(generator, 1).losses(generator, TabularReward(generator.vocab, 1), Batch.blank(4, 1))
    assert loss.value.isfinite()


# The slow copy of the generator.


def check_moving_average(kind: type[Rollout]) -> None:
    """After two updates, the copy is 0.8 of the generator of the first and 0.2 of that of the second."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    estimator = kind(generator, 1, update_rate=0.8)
    with torch.no_grad():
        generator.table.add_(1.0)  # pre-training: the copy starts from the generator of the first call
    tables = []
    for _ in range(3):
        list(estimator.losses(generator, TabularReward(generator.vocab, 3), Batch.blank(4, 3)))
        tables.append(generator.table.detach().clone())
        with torch.no_grad():
            generator.table.add_(torch.randn_like(generator.table))
    first, second, third = tables
    expected = 0.8 * (0.8 * first + 0.2 * second) + 0.2 * third
    policy = estimator.policy
    assert policy is not None
    torch.testing.assert_close(next(policy.parameters()), expected)


class NeverUpdated(Rollout):
    """Wrong: the copy is never updated."""

    def _policy(self, generator: Generator) -> Generator:
        assert self.policy is not None
        return self.policy


class StartsBeforePreTraining(Rollout):
    """Wrong: the copy starts from the generator as it was before pre-training."""

    def _policy(self, generator: Generator) -> Generator:
        self.started.fill_(1)
        return super()._policy(generator)


def test_the_copy_is_a_moving_average_of_the_generator() -> None:
    check_moving_average(Rollout)
    for wrong in (NeverUpdated, StartsBeforePreTraining):
        with pytest.raises(AssertionError):
            check_moving_average(wrong)


def test_the_copy_is_the_roll_out_policy() -> None:
    """The generator has learned a token since, and the copy has learned half of it."""
    torch.manual_seed(0)
    vocab = tiny_vocabulary(2)
    generator = TabularGenerator(vocab, 2, spread=0.0)
    estimator = Rollout(generator, 2000, update_rate=0.5)

    def ones(samples: Samples) -> Tensor:
        return (samples.x[:, 1:] == 1).float()

    list(estimator.losses(generator, ones, Batch.blank(1, 2)))
    with torch.no_grad():
        generator.table[:, 1] = 4.0
    (loss,) = estimator.losses(generator, ones, Batch.blank(1, 2))
    policy = estimator.policy
    assert policy is not None
    assert next(policy.parameters())[:, 1].tolist() == [2.0] * 4
    with torch.no_grad():
        samples = generator.sample(Batch.blank(20, 2))
        value = estimator.values(policy, ones, samples, ones(samples))
    assert value[:, 0].mean().item() == pytest.approx(torch.tensor(2.0).sigmoid().item(), abs=0.01)
    assert loss.value.isfinite()


def test_the_copy_is_saved_and_has_no_gradient() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    first, second = (Rollout(generator, 1, update_rate=0.8) for _ in range(2))
    assert not [p for p in first.parameters() if p.requires_grad]
    reward = TabularReward(generator.vocab, 3)
    list(first.losses(generator, reward, Batch.blank(4, 3)))
    with torch.no_grad():
        generator.table.add_(1.0)
    second.load_state_dict(first.state_dict())
    for estimator in (first, second):
        torch.manual_seed(1)
        list(estimator.losses(generator, reward, Batch.blank(4, 3)))
    torch.testing.assert_close(first.state_dict(), second.state_dict())
    assert not Rollout(generator).state_dict()
