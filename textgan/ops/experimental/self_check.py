"""Loads the Triton kernels of a linear layer after a check, on this machine, that they agree with PyTorch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from textgan.ops.device import TRITON_SWITCH
from textgan.ops.library import SWITCH
from textgan.ops.linear_sample import LinearKernel

KernelFactory = Callable[[Tensor, Tensor], LinearKernel]
"""Makes a kernel from a weight [V,H] and a bias [V]."""


@cache
def load(device: torch.device) -> KernelFactory | None:
    """Returns a function that makes a kernel from a weight and a bias.

    Returns:
        None if Triton is missing, kernels are turned off, or the check fails (with a warning that names the fault).
    """
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        from textgan.ops.experimental.triton_linear import TritonLinear
    except ImportError:
        return None
    try:
        fault = find_fault(TritonLinear, device)
    except Exception as error:  # a compiler or a driver may raise anything
        fault = f"{type(error).__name__}: {error}"
    if fault:
        warnings.warn(
            f"{TRITON_SWITCH}=1: the Triton kernel failed its check, so PyTorch is used instead: {fault}", stacklevel=2
        )
        return None
    return TritonLinear


def find_fault(factory: KernelFactory, device: torch.device) -> str:
    """Compares a kernel with PyTorch on a small case, and describes the first difference; empty if there is none.

    The sizes are not multiples of the block, tile or feature chunk; logits are large, and some tokens are forbidden.

    Args:
        factory: makes the kernel.
        device: where to run it.
    """
    rng = torch.Generator().manual_seed(0)
    features, weight, bias, uniforms = (
        part.to(device)
        for part in (
            torch.randn(70, 37, generator=rng),
            torch.randn(301, 37, generator=rng),
            torch.where(torch.arange(301) % 5 == 0, -torch.inf, 0.0),
            torch.rand(70, generator=rng),
        )
    )
    logits = features.double() @ weight.double().t() + bias.double()
    kernel = factory(weight, bias)
    error = float((kernel.log_normalizer(features, True) - logits.logsumexp(1)).abs().max())
    if not error < 1e-3:
        return f"its log-normalizers are wrong by {error:.2g}"
    probability, tokens = logits.softmax(1), kernel.sample(features, uniforms, True).unsqueeze(1)
    upper = probability.cumsum(1).gather(1, tokens).squeeze(1)
    lower = upper - probability.gather(1, tokens).squeeze(1)
    wrong = int(((uniforms < lower - 1e-3) | (uniforms > upper + 1e-3)).sum())
    return f"{wrong} of 70 tokens are not those of their uniform numbers" if wrong else ""
