"""Samples from categorical distributions by a two-level inverse CDF, and applies functions to rows in chunks."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from textgan.ops.device import describe


def in_chunks(function: Callable[[Tensor], Tensor], features: Tensor, width: int) -> Tensor:
    """Applies a function to rows in chunks that suit the device's memory.

    Args:
        function: [r,H] -> [r,...].
        features: [R,H].
        width: floats that the function holds per row, such as V logits.
    """
    rows = max(1, describe(features.device).max_logits // width)
    if len(features) <= rows:
        return function(features)
    return torch.cat([function(chunk) for chunk in features.split(rows)])


def inverse_cdf(logits: Tensor) -> Tensor:
    """Samples one token per row from softmax(logits), [R,V] -> [R], with one uniform number per row."""
    return sample_weights((logits - logits.amax(1, keepdim=True)).exp_())


def inverse_cdf_(logits: Tensor, safe: bool) -> Tensor:
    """Like `inverse_cdf`, but overwrites the logits.

    Args:
        logits: [R,V].
        safe: whether they are known to be small enough to be exponentiated without subtracting their maximum.
    """
    return sample_weights(logits.exp_() if safe else logits.sub_(logits.amax(1, keepdim=True)).exp_())


def sample_weights(weight: Tensor) -> Tensor:
    """Samples one column per row in proportion to non-negative weights, [R,V] -> [R].

    Block sums find the block, a cumulative sum inside it finds the token. About 20 times as fast as
    `torch.multinomial`, and exact up to rounding. A column of weight 0 is never sampled.
    """
    rows, size = weight.shape
    width = math.ceil(math.sqrt(size))
    blocks = size // width
    sums = weight[:, : blocks * width].unflatten(1, (blocks, width)).sum(2)  # [R,blocks]
    if blocks * width < size:
        sums = torch.cat([sums, weight[:, blocks * width :].sum(1, keepdim=True)], 1)
    uniforms = torch.rand(rows, 1, device=weight.device, dtype=weight.dtype)
    block, rest = find_block(sums.cumsum_(1), uniforms)  # [R,1] each
    tokens = block * width + torch.arange(width, device=weight.device)  # [R,width]
    inside = torch.where(tokens < size, weight.gather(1, tokens.clamp_max(size - 1)), 0.0)
    token = torch.searchsorted(inside.cumsum(1), rest, right=True)
    return (block * width + torch.minimum(token, _last_positive(inside))).squeeze(1)  # clamped as in `find_block`


def find_block(cdf: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Finds the block that each uniform number falls into, and the weight left inside it: [R,1] both.

    Args:
        cdf: cumulative sums of the blocks' weights, [R,blocks].
        uniforms: [R,1] in [0, 1).
    """
    target = uniforms * cdf[:, -1:]
    last = (cdf < cdf[:, -1:]).sum(1, keepdim=True)  # the last block with weight, in case rounding leaves none above
    block = torch.minimum(torch.searchsorted(cdf, target, right=True), last)
    before = torch.where(block > 0, cdf.gather(1, (block - 1).clamp_min(0)), 0.0)
    return block, target - before


def _last_positive(weight: Tensor) -> Tensor:
    """Returns the last column with a positive weight, [R,1]."""
    positions = torch.arange(weight.shape[1], device=weight.device)
    return torch.where(weight > 0, positions, 0).amax(1, keepdim=True)
