from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from textgan_plugins.ema_reinforce import estimator
from textgan_plugins.ema_reinforce.estimator import EmaReinforce
from torch import Tensor

from textgan import recipe, registry, spec
from textgan.roles import Generator, RewardFn
from textgan.testing import TabularGenerator, TabularReward, check_estimator, tiny_vocabulary
from textgan.types import Batch, Loss, Samples


def test_does_what_every_estimator_must() -> None:
    check_estimator(lambda generator: EmaReinforce())


class SeesItsOwnBatch(EmaReinforce):
    """Wrong: the average has seen the rewards that it is subtracted from; with no memory, it is their mean."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        def noted(samples: Samples) -> Tensor:
            found = reward(samples)
            self.total.copy_(found.mean())
            self.weight.fill_(1)
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


def test_rewards_of_given_tokens_do_not_count() -> None:
    torch.manual_seed(0)
    vocab = tiny_vocabulary(4)
    generator, tested = TabularGenerator(vocab, 3), EmaReinforce(decay=0.0)
    batch = blank()
    batch.given[:, 0] = True
    list(tested.losses(generator, lambda s: torch.tensor([[100.0, 1.0, 3.0]]).expand(8, 3), batch))
    assert tested.total.item() == pytest.approx((4 + 3) / 2)


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
    public = {"textgan.options", "textgan.roles", "textgan.types"}
    tree = ast.parse(Path(inspect.getfile(estimator)).read_text(encoding="utf-8"))
    used = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module for module in used if module.startswith("textgan")} <= public


def blank() -> Batch:
    return Batch.blank(8, 3)
