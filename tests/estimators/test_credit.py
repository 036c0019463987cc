from __future__ import annotations

import pytest
import torch

from textgan.estimators.credit import leave_one_out, policy_gradient, to_go
from textgan.testing import TabularGenerator, tiny_vocabulary
from textgan.types import Batch


def test_a_sequences_reward_is_each_tokens() -> None:
    chosen = torch.tensor([[True, True], [True, False]])
    assert to_go(torch.tensor([[2.0], [3.0]]), chosen).tolist() == [[2, 2], [3, 3]]


def test_rewards_of_tokens_are_summed_from_here_on() -> None:
    reward = torch.tensor([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])
    chosen = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 1, 1]], dtype=torch.bool)
    found = to_go(reward, chosen)
    assert found[chosen].tolist() == [7, 6, 4, 3, 2, 6, 4]


def test_leave_one_out_is_the_mean_of_the_others() -> None:
    torch.manual_seed(0)
    value = torch.randn(5, 4)
    found = leave_one_out(value)
    for b in range(5):
        for t in range(4):
            others = [value[o, t].item() for o in range(5) if o != b]
            assert found[b, t].item() == pytest.approx(sum(others) / 4, abs=1e-6)
    assert leave_one_out(value[:1]).tolist() == [[0.0] * 4]


def test_leave_one_out_does_not_depend_on_the_token_itself() -> None:
    value = torch.zeros(3, 2)
    before = leave_one_out(value)[1, 0]
    value[1, 0] = 1e3
    assert leave_one_out(value)[1, 0] == before


def test_a_constant_reward_leaves_the_longest_sequence_alone_too() -> None:
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 6)
    torch.manual_seed(0)
    samples = generator.sample(Batch.blank(8, 6))
    assert samples.chosen[:, -1].sum() == 1, "one sequence is longer than all others"
    reward = torch.full((8, 1), 0.3)
    loss = policy_gradient(generator, samples, to_go(reward, samples.chosen), reward, "leave_one_out", "mean")
    assert loss.value.item() == 0


@pytest.mark.parametrize("value", [0.3, -1 / 3, 1e-3])
@pytest.mark.parametrize("per_token", [False, True])
def test_a_constant_reward_teaches_nothing_to_the_last_bit(value: float, per_token: bool) -> None:
    """Adam would turn what rounding leaves into steps of full size."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(4), 7)
    samples = generator.sample(Batch.blank(37, 7))
    reward = torch.full((37, 7 if per_token else 1), value)
    loss = policy_gradient(generator, samples, to_go(reward, samples.chosen), reward, "leave_one_out", "mean")
    loss.value.backward()  # type: ignore[no-untyped-call]
    assert generator.table.grad is not None
    assert not generator.table.grad.any()


def test_statistics_of_token_rewards_leave_padding_out() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    samples = generator.sample(Batch.blank(6, 4))
    assert not samples.valid.all()
    reward = torch.rand(6, 4)
    each = [reward[b, samples.chosen[b]].mean().item() for b in range(6)]
    junk = torch.where(samples.chosen, reward, 1e3)
    stats = policy_gradient(generator, samples, reward, junk, "none", "mean").stats
    assert stats["reward_mean"].item() == pytest.approx(sum(each) / 6)
    assert stats["reward_std"].item() == pytest.approx(torch.tensor(each).std(correction=0).item())


def test_the_loss_is_a_sum_over_tokens_and_a_mean_over_sequences() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    samples = generator.sample(Batch.blank(6, 4))
    value, reward = torch.randn(6, 4), torch.rand(6, 1)
    log_prob = generator.log_prob(samples)
    expected = -sum((log_prob[b, t] * value[b, t]).item() for b, t in samples.chosen.nonzero().tolist()) / 6
    mean = policy_gradient(generator, samples, value, reward, "none", "mean")
    assert mean.value.item() == pytest.approx(expected, abs=1e-5)
    assert mean.stats["g_loss"].item() == pytest.approx(expected, abs=1e-5)
    assert mean.stats["reward_mean"].item() == pytest.approx(reward.mean().item())
    assert mean.stats["reward_std"].item() == pytest.approx(reward.std(correction=0).item())
    assert not any(s.requires_grad for s in mean.stats.values())
    summed = policy_gradient(generator, samples, value, reward, "none", "sum")
    assert summed.value.item() == pytest.approx(6 * expected, abs=1e-4)
    based = policy_gradient(generator, samples, value, reward, "leave_one_out", "mean")
    by_hand = policy_gradient(generator, samples, value - leave_one_out(value), reward, "none", "mean")
    assert based.value.item() == pytest.approx(by_hand.value.item(), abs=1e-6)
    assert based.value.item() != pytest.approx(mean.value.item(), abs=1e-3)
