"""Implements sampling from a linear layer in Triton: multiplies, exponentiates and sums blocks without storing logits.

Importing this module needs Triton, which comes with PyTorch for CUDA. `TRITON_INTERPRET=1` runs the same kernels on a
CPU, one program at a time; the tests do so where there is no GPU.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from textgan.ops.categorical import find_block

BLOCK = 128
"""Tokens in a block."""
TILE, DEEP = 64, 32
"""Rows in a tile, and features that are multiplied at once."""


class TritonLinear:
    """Samples from a linear layer and computes its log-normalizer (see `textgan.ops.linear_sample.LinearKernel`).

    Args:
        weight: [V,H] float32.
        bias: [V] float32.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self._bias = weight.contiguous(), bias.contiguous()
        self._blocks = triton.cdiv(len(weight), BLOCK)

    def sample(self, features: Tensor, uniforms: Tensor, shifted: bool) -> Tensor:
        """Samples tokens [R]. Subtracts each block's largest logit whether or not `shifted` is set."""
        features = features.contiguous()
        tokens = torch.zeros(len(features), dtype=torch.long, device=features.device)
        if not len(features):
            return tokens
        top, cdf = self._sums(features)
        block, rest = find_block(cdf, uniforms.unsqueeze(1))
        size, hidden = self._weight.shape
        with torch.cuda.device_of(features):
            _pick[(len(features),)](
                *(features, self._weight, self._bias, block, top, rest, tokens, size, hidden, BLOCK, DEEP)
            )
        return tokens

    def log_normalizer(self, features: Tensor, shifted: bool) -> Tensor:
        """Computes log sum_v exp(logit_v), [R]."""
        if not len(features):
            return features.new_empty(0)
        top, cdf = self._sums(features.contiguous())
        return cdf[:, -1].log() + top

    def _sums(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns each row's largest logit [R], and the cumulative block sums of exp(logit - largest), [R,blocks]."""
        size, hidden = self._weight.shape
        rows = len(features)
        tops, sums = features.new_empty(2, rows, self._blocks)
        with torch.cuda.device_of(features):
            _sum[(triton.cdiv(rows, TILE), self._blocks)](
                *(features, self._weight, self._bias, tops, sums, rows, size, hidden, self._blocks),
                *(TILE, BLOCK, DEEP),
            )
        top = tops.amax(1)
        return top, (sums * (tops - top.unsqueeze(1)).exp()).cumsum(1)


@triton.jit
def _sum(
    features: Tensor, weight: Tensor, bias: Tensor, tops: Tensor, sums: Tensor, rows: int, size: int, hidden: int,
    blocks: int, tile: tl.constexpr, width: tl.constexpr, deep: tl.constexpr,
) -> None:  # fmt: skip
    """Computes the largest logit and the sum of exp(logit - largest), for a tile of rows and one block of tokens."""
    row = tl.program_id(0) * tile + tl.arange(0, tile)
    block = tl.program_id(1)
    token = block * width + tl.arange(0, width)
    logits = tl.zeros((tile, width), tl.float32)
    for first in range(0, hidden, deep):
        at = first + tl.arange(0, deep)
        f = tl.load(features + row[:, None] * hidden + at, mask=(row < rows)[:, None] & (at < hidden), other=0.0)
        w = tl.load(weight + token * hidden + at[:, None], mask=(token < size) & (at < hidden)[:, None], other=0.0)
        logits += tl.dot(f, w, input_precision="ieee")
    logits += tl.load(bias + token, mask=token < size, other=float("-inf"))
    top = tl.max(logits, 1)
    shift = tl.where(top == float("-inf"), 0.0, top)  # all tokens of the block are forbidden
    target = row * blocks + block
    tl.store(tops + target, top, mask=row < rows)
    tl.store(sums + target, tl.sum(tl.exp(logits - shift[:, None]), 1), mask=row < rows)


@triton.jit
def _pick(
    features: Tensor, weight: Tensor, bias: Tensor, blocks: Tensor, top: Tensor, rest: Tensor, tokens: Tensor,
    size: int, hidden: int, width: tl.constexpr, deep: tl.constexpr,
) -> None:  # fmt: skip
    """Picks a row's token in its block: the first whose cumulative weight exceeds the rest, or the last with weight."""
    row = tl.program_id(0)
    inside = tl.arange(0, width)
    token = tl.load(blocks + row) * width + inside
    logits = tl.load(bias + token, mask=token < size, other=float("-inf"))
    for first in range(0, hidden, deep):
        at = first + tl.arange(0, deep)
        f = tl.load(features + row * hidden + at, mask=at < hidden, other=0.0)
        w = tl.load(weight + token[:, None] * hidden + at, mask=(token < size)[:, None] & (at < hidden), other=0.0)
        logits += tl.sum(w * f, 1)
    weights = tl.exp(logits - tl.load(top + row))
    passed = tl.sum((tl.cumsum(weights, 0) <= tl.load(rest + row)).to(tl.int32), 0)
    last = tl.max(tl.where(weights > 0, inside, 0), 0)
    tl.store(tokens + row, tl.load(blocks + row) * width + tl.minimum(passed, last))
