from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from textgan import recipe
from textgan.core import registry, spec
from textgan.core.roles import Generator, RewardFn
from textgan.core.types import Batch, Loss, Samples
from textgan.testing import TabularGenerator, TabularReward, check_estimator, tiny_vocabulary
from textgan_plugins.ema_reinforce import estimator
from textgan_plugins.ema_reinforce.estimator import EmaReinforce


def test_does_what_every_estimator_must() -> None:
    check_estimator(lambda generator: EmaReinforce())


class SeesItsOwnBatch(EmaReinforce):
    """Wrong: the average has seen the rewards that it is subtracted from; with no memory, it is their mean."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        def noted(samples: Samples) -> Tensor:
            found = reward(samples)
            self.average.copy_(found.mean())
            return found

        return super().losses(generator, noted, batch)


def test_an_average_that_has_seen_the_batch_is_caught() -> None:
    with pytest.raises(AssertionError, match="unbiased"):
        check_estimator(lambda generator: SeesItsOwnBatch(), rows=2, repeats=2000)


def test_the_baseline_is_the_corrected_average_of_earlier_batches() -> None:
    vocab = tiny_vocabulary(4)
    generator, tested = TabularGenerator(vocab, 3), EmaReinforce(decay=0.75)
    paid = iter([2.0, 4.0, 10.0])

    def reward(samples: Samples) -> Tensor:
        return torch.full((len(samples), 1), next(paid))

    found = [step.stats["baseline"].item() for _ in range(3) for step in tested.losses(generator, reward, blank())]
    assert found == pytest.approx([0.0, 2.0, (0.75 * 2 + 4) / 1.75])


@pytest.mark.parametrize("rows", [37, 50, 61])
@pytest.mark.parametrize("value", [0.3, -1 / 3, 1e-3])
def test_a_constant_reward_teaches_nothing_to_the_last_bit(value: float, rows: int) -> None:
    """Adam would turn what rounding leaves into steps of full size."""
    torch.manual_seed(0)
    generator, tested = TabularGenerator(tiny_vocabulary(4, end=True), 7), EmaReinforce()
    for i in range(20):
        (loss,) = tested.losses(generator, lambda s: torch.full((len(s), 1), value), Batch.blank(rows, 7))
        generator.zero_grad()
        loss.value.backward()  # type: ignore[no-untyped-call]
        assert generator.table.grad is not None
        assert bool(generator.table.grad.any()) == (i == 0)


def test_padding_earns_nothing() -> None:
    vocab = tiny_vocabulary(3, end=True)
    generator, honest = TabularGenerator(vocab, 3), TabularReward(vocab, 3, per_token=True)

    def paying(samples: Samples) -> Tensor:
        return torch.where(samples.valid, honest(samples), 3 * torch.sin(7.0 * samples.x.cumsum(1) + torch.arange(3)))

    losses = []
    for reward in (honest, paying):
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


def test_the_average_is_saved_and_moved_like_weights() -> None:
    vocab = tiny_vocabulary(4)
    generator, first, second = TabularGenerator(vocab, 3), EmaReinforce(), EmaReinforce()
    for _ in range(3):
        list(first.losses(generator, TabularReward(vocab, 3), blank()))
    second.load_state_dict(first.state_dict())
    ours, theirs = (next(e.losses(generator, TabularReward(vocab, 3), blank())).stats for e in (first, second))
    assert ours["baseline"] == theirs["baseline"] != 0


def test_a_recipe_names_it() -> None:
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


def test_it_uses_nothing_but_the_public_interface() -> None:
    public = {"textgan.core.options", "textgan.core.roles", "textgan.core.types"}
    tree = ast.parse(Path(inspect.getfile(estimator)).read_text(encoding="utf-8"))
    used = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module for module in used if module.startswith("textgan")} <= public


def blank() -> Batch:
    return Batch.blank(8, 3)
