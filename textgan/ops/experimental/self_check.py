"""Loads the Triton kernels of a linear layer after a check, on this machine, that they agree with PyTorch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from textgan.ops.library import SWITCH
from textgan.ops.linear_sample import LinearKernel

Make = Callable[[Tensor, Tensor], LinearKernel]


@cache
def load(device: torch.device) -> Make | None:
    """Returns a function that makes a kernel from a weight and a bias.

    None if Triton is missing, kernels are switched off, or the check fails (with a warning that says how).
    """
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        from textgan.ops.experimental.triton_linear import TritonLinear
    except ImportError:
        return None
    try:
        fault = find_fault(TritonLinear, device)
    except Exception as error:  # whatever a compiler or a driver may raise
        fault = f"{type(error).__name__}: {error}"
    if fault:
        warnings.warn(f"the Triton kernel failed its check, so PyTorch samples tokens instead: {fault}", stacklevel=2)
        return None
    return TritonLinear


def find_fault(make: Make, device: torch.device) -> str:
    """Says what a kernel does wrong on a small case; empty if it is right.

    The sizes fill no block, tile or chunk of features; logits are large, and some tokens are forbidden.
    """
    shape = torch.Generator().manual_seed(0)
    features, weight, bias, uniforms = (
        part.to(device)
        for part in (
            torch.randn(70, 37, generator=shape),
            torch.randn(301, 37, generator=shape),
            torch.where(torch.arange(301) % 5 == 0, -torch.inf, 0.0),
            torch.rand(70, generator=shape),
        )
    )
    logits = features.double() @ weight.double().t() + bias.double()
    kernel = make(weight, bias)
    off = float((kernel.log_normalizer(features, True) - logits.logsumexp(1)).abs().max())
    if not off < 1e-3:
        return f"its log-normalizers are off by {off:.2g}"
    share, tokens = logits.softmax(1), kernel.sample(features, uniforms, True).unsqueeze(1)
    above = share.cumsum(1).gather(1, tokens).squeeze(1)
    below = above - share.gather(1, tokens).squeeze(1)
    outside = int(((uniforms < below - 1e-3) | (uniforms > above + 1e-3)).sum())
    return f"{outside} of 70 tokens are not those of their uniform numbers" if outside else ""
