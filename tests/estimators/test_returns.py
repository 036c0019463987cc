from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from textgan.core.types import Batch, Samples
from textgan.estimators.returns import (
    by_rank,
    discounted,
    leave_one_out,
    path_gradient,
    per_token,
    policy_gradient,
    to_go,
)
from textgan.testing import TabularGenerator, tiny_vocabulary


def test_to_go_repeats_the_reward_of_a_sequence() -> None:
    chosen = torch.tensor([[True, True], [True, False]])
    assert to_go(torch.tensor([[2.0], [3.0]]), chosen).tolist() == [[2, 2], [3, 3]]


def test_to_go_sums_the_rewards_of_later_tokens() -> None:
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


def test_a_constant_reward_has_zero_loss_for_the_longest_sequence_too() -> None:
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 6)
    torch.manual_seed(0)
    samples = generator.sample(Batch.blank(8, 6))
    assert samples.chosen[:, -1].sum() == 1, "one sequence is longer than all others"
    reward = torch.full((8, 1), 0.3)
    loss = policy_gradient(generator, samples, to_go(reward, samples.chosen), reward, "leave_one_out", "mean")
    assert loss.value.item() == 0


@pytest.mark.parametrize("value", [0.3, -1 / 3, 1e-3])
@pytest.mark.parametrize("per_token", [False, True])
def test_a_constant_reward_has_an_exactly_zero_gradient(value: float, per_token: bool) -> None:
    """Adam would amplify rounding errors to full steps."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(4), 7)
    samples = generator.sample(Batch.blank(37, 7))
    reward = torch.full((37, 7 if per_token else 1), value)
    loss = policy_gradient(generator, samples, to_go(reward, samples.chosen), reward, "leave_one_out", "mean")
    loss.value.backward()
    assert generator.table.grad is not None
    assert not generator.table.grad.any()


def test_statistics_of_token_rewards_ignore_padding() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    samples = generator.sample(Batch.blank(6, 4))
    assert not samples.valid.all()
    reward = torch.rand(6, 4)
    means = [reward[b, samples.chosen[b]].mean().item() for b in range(6)]
    padded = torch.where(samples.chosen, reward, 1e3)
    stats = policy_gradient(generator, samples, reward, padded, "none", "mean").stats
    assert stats["reward_mean"].item() == pytest.approx(sum(means) / 6)
    assert stats["reward_std"].item() == pytest.approx(torch.tensor(means).std(correction=0).item())


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
    with_baseline = policy_gradient(generator, samples, value, reward, "leave_one_out", "mean")
    by_hand = policy_gradient(generator, samples, value - leave_one_out(value), reward, "none", "mean")
    assert with_baseline.value.item() == pytest.approx(by_hand.value.item(), abs=1e-6)
    assert with_baseline.value.item() != pytest.approx(mean.value.item(), abs=1e-3)


def test_per_token_gives_the_last_chosen_token_the_reward_of_a_sequence() -> None:
    chosen = torch.tensor([[1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]], dtype=torch.bool)
    whole = torch.tensor([[2.0], [3.0], [4.0], [5.0]])
    assert per_token(whole, chosen).tolist() == [[0, 2, 0], [0, 0, 3], [0, 0, 4], [0, 0, 0]]
    each = torch.tensor([[1.0, 2.0, torch.nan]]).expand(4, 3)
    assert per_token(each, chosen)[0].tolist() == [1, 2, 0]
    torch.testing.assert_close(discounted(per_token(whole, chosen), 1.0)[chosen], to_go(whole, chosen)[chosen])


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0])
def test_discounted_sums(factor: float) -> None:
    torch.manual_seed(0)
    value = torch.randn(3, 5)
    found = discounted(value, factor)
    for b in range(3):
        for t in range(5):
            expected = sum(factor ** (s - t) * value[b, s].item() for s in range(t, 5))
            assert found[b, t].item() == pytest.approx(expected, abs=1e-5)


def by_order_of_first_occurrence(value: Tensor, steepness: float) -> Tensor:
    """Wrong, as in known code: the index of a reward in a dict, which is that of its first row, instead of its rank."""
    columns = []
    for column in value.t().tolist():
        index = {reward: i for i, reward in enumerate(dict.fromkeys(column), start=1)}
        columns.append([1 / (1 + math.exp(-steepness * (0.5 - index[reward] / len(column)))) for reward in column])
    return torch.tensor(columns).t()


def check_rank(rescale: Callable[[Tensor, float], Tensor]) -> None:
    """Checks that higher values get more, and that the order of the rows does not matter."""
    torch.manual_seed(0)
    value = torch.rand(9, 4)
    found = rescale(value, 16.0)
    assert (found.gather(0, value.argsort(0)).diff(dim=0) > 0).all(), "the result must increase with the value"
    order = torch.randperm(9)
    torch.testing.assert_close(rescale(value[order], 16.0), found[order])


def test_rescaling_by_rank() -> None:
    check_rank(by_rank)
    with pytest.raises(AssertionError):
        check_rank(by_order_of_first_occurrence)
    value = torch.tensor([[0.1, 5.0], [0.9, 5.0], [0.5, 5.0], [0.5, 7.0]])
    ranks = torch.tensor([[4, 3], [1, 3], [2.5, 3], [2.5, 1]])  # from the highest; equal values share
    torch.testing.assert_close(by_rank(value, 2.0), (2.0 * (0.5 - ranks / 4)).sigmoid())


def test_the_path_gradient_is_that_of_minus_the_mean_reward() -> None:
    x = torch.randn(4, 3).requires_grad_()
    chosen = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 0, 0]], dtype=torch.bool)
    samples = Samples(x, chosen, chosen)
    loss = path_gradient(samples, x)  # one reward per token
    loss.value.backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, -chosen.float() / 4)
    assert loss.value.item() == pytest.approx(-(x * chosen).sum().item() / 4)
    assert not any(s.requires_grad for s in loss.stats.values())
    assert path_gradient(samples, x[:, :1]).value.item() == pytest.approx(-x[:, 0].mean().item())
