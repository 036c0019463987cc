"""The kernels of words in Triton: each block of words is multiplied, exponentiated and summed without logits in memory.

Importing this needs Triton, which comes with PyTorch for CUDA. `TRITON_INTERPRET=1` runs the same kernels on a CPU, one
program at a time, which is how they are tested where there is no GPU.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from textgan.kernels.plain import block_of, gradients

BLOCK = 128
"""Words of a block."""
TILE, DEEP = 64, 32
"""Rows of a tile, and how many of their features are multiplied at once."""


class BlockWords:
    """Words from softmax(features weight^T + bias), and its normaliser, of one weight.

    Args:
        weight: [V,H] float32.
        bias: [V] float32.
        at_once: logits that are held at once where gradients are asked for.
    """

    def __init__(self, weight: Tensor, bias: Tensor, at_once: int) -> None:
        self._weight, self._bias, self._at_once = weight.contiguous(), bias.contiguous(), at_once
        self._blocks = triton.cdiv(len(weight), BLOCK)

    def draw(self, features: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        """Words [R], for chances [R] in [0, 1). Each block's largest logit is always taken off, `shifted` or not."""
        features = features.contiguous()
        words = torch.zeros(len(features), dtype=torch.long, device=features.device)
        if not len(features):
            return words
        top, cdf = self._sums(features)
        block, rest = block_of(cdf, chance.unsqueeze(1))
        size, hidden = self._weight.shape
        with torch.cuda.device_of(features):
            _pick[(len(features),)](
                *(features, self._weight, self._bias, block, top, rest, words, size, hidden, BLOCK, DEEP)
            )
        return words

    def normaliser(self, features: Tensor, shifted: bool) -> Tensor:
        """log sum_v exp(logit_v), [R]."""
        if not len(features):
            return features.new_empty(0)
        top, cdf = self._sums(features.contiguous())
        return cdf[:, -1].log() + top

    def gradients(self, features: Tensor, norm: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of sum of grad * normaliser: to features [R,H], weight [V,H] and bias [V]."""
        return gradients(features, self._weight, self._bias, norm, grad, self._at_once)

    def _sums(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Each row's largest logit [R], and the cumulative sums of its blocks' exponentials less that, [R,blocks]."""
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
    """Of some rows and one block of words: the largest logit, and the sum of all exponentiated ones less that."""
    row = tl.program_id(0) * tile + tl.arange(0, tile)
    block = tl.program_id(1)
    word = block * width + tl.arange(0, width)
    logits = tl.zeros((tile, width), tl.float32)
    for first in range(0, hidden, deep):
        at = first + tl.arange(0, deep)
        f = tl.load(features + row[:, None] * hidden + at, mask=(row < rows)[:, None] & (at < hidden), other=0.0)
        w = tl.load(weight + word * hidden + at[:, None], mask=(word < size) & (at < hidden)[:, None], other=0.0)
        logits += tl.dot(f, w, input_precision="ieee")
    logits += tl.load(bias + word, mask=word < size, other=float("-inf"))
    top = tl.max(logits, 1)
    shift = tl.where(top == float("-inf"), 0.0, top)  # of a block whose words are all barred
    place = row * blocks + block
    tl.store(tops + place, top, mask=row < rows)
    tl.store(sums + place, tl.sum(tl.exp(logits - shift[:, None]), 1), mask=row < rows)


@triton.jit
def _pick(
    features: Tensor, weight: Tensor, bias: Tensor, blocks: Tensor, top: Tensor, rest: Tensor, words: Tensor, size: int,
    hidden: int, width: tl.constexpr, deep: tl.constexpr,
) -> None:  # fmt: skip
    """A row's word in its block: the first whose cumulative weight exceeds the rest, or the last that weighs."""
    row = tl.program_id(0)
    inside = tl.arange(0, width)
    word = tl.load(blocks + row) * width + inside
    logits = tl.load(bias + word, mask=word < size, other=float("-inf"))
    for first in range(0, hidden, deep):
        at = first + tl.arange(0, deep)
        f = tl.load(features + row * hidden + at, mask=at < hidden, other=0.0)
        w = tl.load(weight + word[:, None] * hidden + at, mask=(word < size)[:, None] & (at < hidden), other=0.0)
        logits += tl.sum(w * f, 1)
    weigh = tl.exp(logits - tl.load(top + row))
    passed = tl.sum((tl.cumsum(weigh, 0) <= tl.load(rest + row)).to(tl.int32), 0)
    last = tl.max(tl.where(weigh > 0, inside, 0), 0)
    tl.store(words + row, tl.load(blocks + row) * width + tl.minimum(passed, last))
