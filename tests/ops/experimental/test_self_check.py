"""A GPU's kernel is used after it has shown, on this machine, that it does what PyTorch does."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from textgan.ops import library
from textgan.ops.experimental import self_check
from textgan.ops.categorical import gradients

HERE = torch.device("cpu")


class Exact:
    """What a right kernel does."""

    def __init__(self, weight: Tensor, bias: Tensor, at_once: int = 100) -> None:
        self.weight, self.bias, self.at_once = weight, bias, at_once

    def logits(self, features: Tensor) -> Tensor:
        return features @ self.weight.t() + self.bias

    def draw(self, features: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        cdf = self.logits(features).softmax(1).cumsum(1)
        return torch.searchsorted(cdf, chance.unsqueeze(1), right=True)[:, 0].clamp_max(len(self.weight) - 1)

    def normaliser(self, features: Tensor, shifted: bool) -> Tensor:
        return self.logits(features).logsumexp(1)

    def gradients(self, features: Tensor, norm: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return gradients(features, self.weight, self.bias, norm, grad, self.at_once)


class OneTooFar(Exact):
    def draw(self, features: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        return (super().draw(features, chance, shifted) + 1).clamp_max(len(self.weight) - 1)


class OneShort(Exact):
    def draw(self, features: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        return (super().draw(features, chance, shifted) - 1).clamp_min(0)


class NotNormal(Exact):
    def normaliser(self, features: Tensor, shifted: bool) -> Tensor:
        return super().normaliser(features, shifted) * 1.001


class Nan(Exact):
    def normaliser(self, features: Tensor, shifted: bool) -> Tensor:
        return super().normaliser(features, shifted) * torch.nan


class Broken(Exact):
    def draw(self, features: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        raise RuntimeError("no such instruction")


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A module in the place of the one that needs Triton."""
    module = types.ModuleType("textgan.ops.experimental.triton_linear")
    monkeypatch.setitem(sys.modules, "textgan.ops.experimental.triton_linear", module)
    monkeypatch.delenv(library.SWITCH, raising=False)
    self_check.load.cache_clear()
    yield module
    self_check.load.cache_clear()


def test_a_right_kernel_is_used(offered: types.ModuleType) -> None:
    offered.BlockWords = Exact  # type: ignore[attr-defined]
    made = self_check.load(HERE, 7)
    assert made is not None
    kernel = made(torch.ones(3, 2), torch.zeros(3))
    assert isinstance(kernel, Exact)
    assert kernel.at_once == 7


@pytest.mark.parametrize(
    ("kernel", "fault"),
    [
        (OneTooFar, "words are not those"),
        (OneShort, "words are not those"),
        (NotNormal, "off by"),
        (Nan, "off by nan"),
        (Broken, "no such instruction"),
    ],
)
def test_a_wrong_one_is_not_and_says_why(offered: types.ModuleType, kernel: type[Exact], fault: str) -> None:
    offered.BlockWords = kernel  # type: ignore[attr-defined]
    with pytest.warns(UserWarning, match=fault):
        assert self_check.load(HERE, 7) is None


def test_nor_is_any_where_it_is_switched_off_or_missing(
    offered: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert self_check.load(HERE, 7) is None  # the module has no such class: as where Triton is missing
    offered.BlockWords = Exact  # type: ignore[attr-defined]
    self_check.load.cache_clear()
    monkeypatch.setenv(library.SWITCH, "0")
    assert self_check.load(HERE, 7) is None
