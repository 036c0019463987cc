"""Each device and dtype gets the kernel that it has, or none."""

from __future__ import annotations

import pytest
import torch

from textgan.ops import library
from textgan.ops.device import DeviceProfile, assume
from textgan.ops.linear_kernel import find_kernel
from textgan.ops.linear_sample import CompiledLinear

PLAIN = DeviceProfile(max_logits=200, is_async=True, prefers_gather=False)


def test_the_profile_and_the_dtype_decide_which_kernel_is_used() -> None:
    weight, bias = torch.randn(65, 8), torch.randn(65)
    if library.load() is not None:
        assert isinstance(find_kernel(weight, bias), CompiledLinear)
    assert find_kernel(weight.double(), bias.double()) is None
    assert find_kernel(weight, bias.double()) is None
    with assume(PLAIN):
        assert find_kernel(weight, bias) is None


def test_a_kernel_shares_no_gradient_with_the_layer() -> None:
    weight, bias = torch.randn(65, 8), torch.randn(65)
    kernel = find_kernel(weight.requires_grad_(), bias.requires_grad_())
    if kernel is None:
        pytest.skip("no compiler, or kernels are turned off")
    assert not kernel.log_normalizer(torch.randn(3, 8), False).requires_grad
