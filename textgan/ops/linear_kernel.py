"""Chooses the kernel that a device has for sampling from a linear layer."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.ops import library
from textgan.ops.device import describe
from textgan.ops.experimental import self_check
from textgan.ops.linear_sample import CompiledLinear, LinearKernel


def find_kernel(weight: Tensor, bias: Tensor) -> LinearKernel | None:
    """Returns the device's kernel for a linear layer, or None if there is none for its device or dtype.

    Args:
        weight: [V,H].
        bias: [V].
    """
    profile = describe(weight.device)
    if weight.dtype != torch.float32 or bias.dtype != torch.float32:
        return None
    if profile.compiled_kernels:
        kernels = library.load()
        return None if kernels is None else CompiledLinear(kernels, weight.detach(), bias.detach())
    if profile.triton_kernels:
        kernel = self_check.load(weight.device)
        return None if kernel is None else kernel(weight.detach(), bias.detach())
    return None
