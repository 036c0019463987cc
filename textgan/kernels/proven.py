"""The Triton kernels of words, once they have shown on this machine that they do what PyTorch does."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from textgan.kernels.library import SWITCH
from textgan.kernels.words import WordKernel

Make = Callable[[Tensor, Tensor], WordKernel]


@cache
def load(device: torch.device, at_once: int) -> Make | None:
    """Makes a kernel of a weight and a bias. None where there is no Triton, it is switched off, or it fails its proof.

    Args:
        device: where it will run.
        at_once: logits that are held at once where gradients are asked for.
    """
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        from textgan.kernels.blocks import BlockWords
    except ImportError:
        return None

    def make(weight: Tensor, bias: Tensor) -> WordKernel:
        return BlockWords(weight, bias, at_once)

    try:
        fault = proof(make, device)
    except Exception as error:  # whatever a compiler or a driver may raise
        fault = f"{type(error).__name__}: {error}"
    if fault:
        warnings.warn(f"words are drawn by PyTorch, not by the Triton kernel, which failed: {fault}", stacklevel=2)
        return None
    return make


def proof(make: Make, device: torch.device) -> str:
    """What a kernel does wrong on a small case; nothing if it is right.

    Sizes fill no block, tile or piece of features; logits are large, and some words are barred.
    """
    shape = torch.Generator().manual_seed(0)
    features, weight, bias, chance = (
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
    off = float((kernel.normaliser(features, True) - logits.logsumexp(1)).abs().max())
    if not off < 1e-3:
        return f"its normalisers are off by {off:.2g}"
    share, words = logits.softmax(1), kernel.draw(features, chance, True).unsqueeze(1)
    above = share.cumsum(1).gather(1, words).squeeze(1)
    below = above - share.gather(1, words).squeeze(1)
    outside = int(((chance < below - 1e-3) | (chance > above + 1e-3)).sum())
    return f"{outside} of 70 words are not those of their chance" if outside else ""
