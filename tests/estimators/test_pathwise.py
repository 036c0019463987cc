"""The pathwise gradient, compared with closed forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from textgan.core.roles import Generator, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Space
from textgan.estimators.pathwise import Pathwise


class Shift(Generator):
    """y = m + s z with z ~ N(0, 1): latent samples whose expected rewards are known."""

    sample_space: ClassVar[Mapping[str, Space]] = {"path": "latent"}
    capabilities: ClassVar[frozenset[str]] = frozenset({"noise"})

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.scale = nn.Parameter(torch.tensor([0.5, -1.0])), nn.Parameter(torch.tensor([1.0, 2.0]))

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        return Samples(self.mean + self.scale * torch.randn(len(batch), 2), batch.valid, batch.valid & ~batch.given)

    def likelihood(self, batch: Batch) -> Loss:
        return Loss(self.mean.sum(), {})


def square(fake: Samples) -> Tensor:
    return -fake.x.square().sum(1, keepdim=True)  # [B,1]


def test_the_gradient_is_that_of_the_expected_reward() -> None:
    """E[-|y|^2] = -|m|^2 - |s|^2."""
    torch.manual_seed(0)
    generator = Shift()
    (loss,) = Pathwise().losses(generator, square, Batch.blank(200_000, 1))
    loss.value.backward()
    assert generator.mean.grad is not None
    assert generator.scale.grad is not None
    torch.testing.assert_close(generator.mean.grad, 2 * generator.mean.detach(), atol=0.03, rtol=0)
    torch.testing.assert_close(generator.scale.grad, 2 * generator.scale.detach(), atol=0.03, rtol=0)
    assert loss.stats["reward_mean"].item() == pytest.approx(-loss.value.item())
    assert not any(s.requires_grad for s in loss.stats.values())


def test_rewards_of_chosen_tokens_are_summed() -> None:
    """A sum over tokens and a mean over sequences, without given tokens."""
    torch.manual_seed(0)
    generator, batch = Shift(), Batch.blank(4, 3)
    batch.given[0, :2] = True
    batch.given[1, 0] = True
    (loss,) = Pathwise().losses(generator, lambda fake: fake.x[:, :1] * torch.tensor([1.0, 10.0, 100.0]), batch)
    loss.value.backward()
    assert generator.mean.grad is not None
    assert generator.mean.grad[0].item() == pytest.approx(-(100 + 110 + 111 + 111) / 4)


def test_fakes_for_the_discriminator_have_no_gradient() -> None:
    assert not Pathwise().fakes(Shift(), Batch.blank(4, 3)).x.requires_grad
