"""A Triton kernel is used only if it agrees with PyTorch on this machine."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from textgan.ops import library
from textgan.ops.device import DeviceProfile, assume
from textgan.ops.experimental import self_check
from textgan.ops.linear_kernel import find_kernel

HERE = torch.device("cpu")


class Exact:
    """A correct kernel."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = weight, bias

    def logits(self, features: Tensor) -> Tensor:
        return features @ self.weight.t() + self.bias

    def sample(self, features: Tensor, uniforms: Tensor, shifted: bool) -> Tensor:
        cdf = self.logits(features).softmax(1).cumsum(1)
        return torch.searchsorted(cdf, uniforms.unsqueeze(1), right=True)[:, 0].clamp_max(len(self.weight) - 1)

    def log_normalizer(self, features: Tensor, shifted: bool) -> Tensor:
        return self.logits(features).logsumexp(1)


class OneTooFar(Exact):
    def sample(self, features: Tensor, uniforms: Tensor, shifted: bool) -> Tensor:
        return (super().sample(features, uniforms, shifted) + 1).clamp_max(len(self.weight) - 1)


class OneShort(Exact):
    def sample(self, features: Tensor, uniforms: Tensor, shifted: bool) -> Tensor:
        return (super().sample(features, uniforms, shifted) - 1).clamp_min(0)


class NotNormal(Exact):
    def log_normalizer(self, features: Tensor, shifted: bool) -> Tensor:
        return super().log_normalizer(features, shifted) * 1.001


class Nan(Exact):
    def log_normalizer(self, features: Tensor, shifted: bool) -> Tensor:
        return super().log_normalizer(features, shifted) * torch.nan


class Broken(Exact):
    def sample(self, features: Tensor, uniforms: Tensor, shifted: bool) -> Tensor:
        raise RuntimeError("no such instruction")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A module that replaces the one that needs Triton."""
    replacement = types.ModuleType("textgan.ops.experimental.triton_linear")
    monkeypatch.setitem(sys.modules, "textgan.ops.experimental.triton_linear", replacement)
    monkeypatch.delenv(library.SWITCH, raising=False)
    self_check.load.cache_clear()
    yield replacement
    self_check.load.cache_clear()


def test_a_correct_kernel_is_used(module: types.ModuleType) -> None:
    module.TritonLinear = Exact  # type: ignore[attr-defined]
    factory = self_check.load(HERE)
    assert factory is not None
    assert isinstance(factory(torch.ones(3, 2), torch.zeros(3)), Exact)
    with assume(DeviceProfile(10**6, is_async=True, prefers_gather=False, triton_kernels=True)):
        assert isinstance(find_kernel(torch.ones(3, 2), torch.zeros(3)), Exact)
        assert find_kernel(torch.ones(3, 2).double(), torch.zeros(3).double()) is None


@pytest.mark.parametrize(
    ("kernel", "fault"),
    [
        (OneTooFar, "tokens are not those"),
        (OneShort, "tokens are not those"),
        (NotNormal, "log-normalizers are wrong by"),
        (Nan, "wrong by nan"),
        (Broken, "no such instruction"),
    ],
)
def test_a_wrong_kernel_is_not_used_and_the_fault_is_reported(
    module: types.ModuleType, kernel: type[Exact], fault: str
) -> None:
    module.TritonLinear = kernel  # type: ignore[attr-defined]
    with pytest.warns(UserWarning, match=f"TEXTGAN_TRITON=1: the Triton kernel failed its check, .*{fault}"):
        assert self_check.load(HERE) is None
    with assume(DeviceProfile(10**6, is_async=True, prefers_gather=False, triton_kernels=True)):
        assert find_kernel(torch.ones(3, 2), torch.zeros(3)) is None


def test_no_kernel_is_used_if_it_is_missing_or_turned_off(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert self_check.load(HERE) is None  # the module has no such class, as if Triton were missing
    module.TritonLinear = Exact  # type: ignore[attr-defined]
    self_check.load.cache_clear()
    monkeypatch.setenv(library.SWITCH, "0")
    assert self_check.load(HERE) is None


def test_a_fault_is_described() -> None:
    assert self_check.find_fault(Exact, HERE) == ""
    assert "of 70 tokens are not those of their uniform numbers" in self_check.find_fault(OneTooFar, HERE)
    assert "log-normalizers are wrong by" in self_check.find_fault(NotNormal, HERE)
