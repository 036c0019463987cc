"""REINFORCE with a moving-average baseline: the baseline itself, and that the gradient is unbiased."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from textgan import recipe
from textgan.core import registry, spec
from textgan.roles import Generator, RewardFn
from textgan.testing import TabularGenerator, TabularReward, check_estimator, tiny_vocabulary
from textgan.types import Batch, Loss, Samples
from textgan_plugins.ema_reinforce.estimator import EmaReinforce


def test_it_meets_the_contract() -> None:
    check_estimator(lambda generator: EmaReinforce())


class IncludesItsOwnBatch(EmaReinforce):
    """Wrong: the baseline is the mean of the rewards that it is subtracted from."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        def observed(samples: Samples) -> Tensor:
            rewards = reward(samples)
            self.average.copy_(rewards.mean())
            return rewards

        return super().losses(generator, observed, batch)


def test_the_contract_finds_a_baseline_that_includes_its_own_batch() -> None:
    with pytest.raises(AssertionError, match="unbiased"):
        check_estimator(lambda generator: IncludesItsOwnBatch(), rows=2, repeats=2000)


def test_the_baseline_is_the_corrected_average_of_earlier_batches() -> None:
    vocab = tiny_vocabulary(4)
    generator, tested = TabularGenerator(vocab, 3), EmaReinforce(decay=0.75)
    values = iter([2.0, 4.0, 10.0])

    def reward(samples: Samples) -> Tensor:
        return torch.full((len(samples), 1), next(values))

    baselines = [loss.stats["baseline"].item() for _ in range(3) for loss in tested.losses(generator, reward, blank())]
    assert baselines == pytest.approx([0.0, 2.0, (0.75 * 2 + 4) / 1.75])


@pytest.mark.parametrize("rows", [37, 50, 61])
@pytest.mark.parametrize("value", [0.3, -1 / 3, 1e-3])
def test_the_gradient_of_a_constant_reward_is_exactly_zero(value: float, rows: int) -> None:
    """Adam would turn rounding errors into steps of full size."""
    torch.manual_seed(0)
    generator, tested = TabularGenerator(tiny_vocabulary(4, end=True), 7), EmaReinforce()
    for i in range(20):
        (loss,) = tested.losses(generator, lambda s: torch.full((len(s), 1), value), Batch.blank(rows, 7))
        generator.zero_grad()
        loss.value.backward()  # type: ignore[no-untyped-call]
        assert generator.table.grad is not None
        assert bool(generator.table.grad.any()) == (i == 0)


def test_rewards_of_padding_do_not_count() -> None:
    vocab = tiny_vocabulary(3, end=True)
    generator, plain = TabularGenerator(vocab, 3), TabularReward(vocab, 3, per_token=True)

    def with_padding(samples: Samples) -> Tensor:
        return torch.where(samples.valid, plain(samples), 3 * torch.sin(7.0 * samples.x.cumsum(1) + torch.arange(3)))

    losses = []
    for reward in (plain, with_padding):
        torch.manual_seed(0)
        (loss,) = EmaReinforce().losses(generator, reward, Batch.blank(50, 3))
        losses.append([loss.value.item(), *(value.item() for value in loss.stats.values())])
    assert losses[0] == losses[1]


def test_rewards_of_given_tokens_do_not_count() -> None:
    torch.manual_seed(0)
    vocab = tiny_vocabulary(4)
    generator, tested = TabularGenerator(vocab, 3), EmaReinforce(decay=0.0)
    batch = blank()
    batch.given[:, 0] = True
    list(tested.losses(generator, lambda s: torch.tensor([[100.0, 1.0, 3.0]]).expand(8, 3), batch))
    assert tested.average.item() == pytest.approx((4 + 3) / 2)


def test_the_average_is_part_of_the_state() -> None:
    vocab = tiny_vocabulary(4)
    generator, first, second = TabularGenerator(vocab, 3), EmaReinforce(), EmaReinforce()
    for _ in range(3):
        list(first.losses(generator, TabularReward(vocab, 3), blank()))
    second.load_state_dict(first.state_dict())
    stats, restored = (next(e.losses(generator, TabularReward(vocab, 3), blank())).stats for e in (first, second))
    assert stats["baseline"] == restored["baseline"] != 0


def test_a_recipe_uses_it_by_name() -> None:
    component = registry.find("estimator", "ema_reinforce")
    assert component.load() is EmaReinforce
    known = spec.read(component)
    assert known.options["decay"].default == 0.9
    assert known.options["decay"].doc
    assert recipe.load("seqgan", ["estimator=ema_reinforce"]).filled["estimator"] == {
        "name": "ema_reinforce",
        "decay": 0.9,
    }
    with pytest.raises(recipe.RecipeError, match="decay"):
        recipe.load("seqgan", ["estimator=ema_reinforce", "estimator.decay=1.5"])


def blank() -> Batch:
    return Batch.blank(8, 3)
