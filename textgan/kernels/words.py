"""The kernel that draws words from a linear layer, and finds its normaliser and that one's gradients, without writing
logits down."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from textgan.kernels import library

BLOCK = 64
"""Words of a block; the kernel's own constant."""


class WordKernel(Protocol):
    """Words from softmax(features weight^T + bias), and its normaliser, of one weight [V,H] and bias [V]."""

    def draw(self, features: Tensor, chance: Tensor, shifted: bool, /) -> Tensor:
        """Words [R], for features [R,H] and chances [R] in [0, 1). Logits may be large where `shifted`."""

    def normaliser(self, features: Tensor, shifted: bool, /) -> Tensor:
        """log sum_v exp(logit_v), [R]."""

    def gradients(self, features: Tensor, norm: Tensor, grad: Tensor, /) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of sum of grad * normaliser: to features [R,H], weight [V,H] and bias [V]."""


class Words:
    """Words from softmax(features weight^T + bias), and its normaliser, of one weight.

    Args:
        kernels: what `library.load` compiled.
        weight: [V,H] float32.
        bias: [V] float32.
    """

    def __init__(self, kernels: ctypes.CDLL, weight: Tensor, bias: Tensor) -> None:
        self._kernels = kernels
        size, hidden = weight.shape
        self._size = size
        self.blocks = -(-size // BLOCK)
        packed, self._bias = (
            weight.new_zeros(self.blocks * BLOCK, hidden),
            bias.new_full((self.blocks * BLOCK,), -torch.inf),
        )
        packed[:size], self._bias[:size] = weight, bias
        self._weight = packed.view(self.blocks, BLOCK, hidden).transpose(1, 2).contiguous()  # as the kernel reads it

    def draw(self, features: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        """Words [R].

        Args:
            features: [R,H] float32.
            chance: [R] float32, uniform in [0, 1).
            shifted: whether each row's largest logit is found and taken off first. Needed where one may be larger than
                60 in size; costs as much as the rest.
        """
        words = torch.empty(len(features), dtype=torch.long)
        self._run(features, shifted, chance.contiguous(), words, None)
        return words

    def normaliser(self, features: Tensor, shifted: bool) -> Tensor:
        """log sum_v exp(logit_v), [R]."""
        found = features.new_empty(len(features))
        self._run(features, shifted, None, None, found)
        return found

    def gradients(self, features: Tensor, norm: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of sum of grad * normaliser: to features [R,H], weight [V,H] and bias [V].

        Args:
            features: [R,H] float32.
            norm: [R], what `normaliser` found for them.
            grad: [R] float32.
        """
        threads, features = torch.get_num_threads(), features.contiguous()
        rows, hidden = features.shape
        lanes = self._kernels.textgan_lanes()
        wide = -(-hidden // lanes) * lanes
        vectors = functional.pad(self._weight.transpose(1, 2), (0, wide - hidden)).contiguous()  # [blocks,BLOCK,wide]
        to_features = features.new_zeros(threads, rows, wide)
        to_weight = features.new_zeros(self.blocks, hidden + 1, BLOCK)
        held = (norm.contiguous(), grad.contiguous())
        at = [tensor.data_ptr() for tensor in (*held, to_features, to_weight)]
        self._kernels.textgan_slopes(
            *(features.data_ptr(), rows, hidden, self._weight.data_ptr(), self._bias.data_ptr(), self.blocks),
            *(vectors.data_ptr(), wide, *at, threads),
        )
        by_word = to_weight.transpose(1, 2).reshape(-1, hidden + 1)[: self._size]
        return to_features.sum(0)[:, :hidden], by_word[:, :-1], by_word[:, -1]

    def _run(self, features: Tensor, shifted: bool, *wanted: Tensor | None) -> None:
        threads, features = torch.get_num_threads(), features.contiguous()
        scratch = features.new_empty(threads * self._kernels.textgan_panel() * (self.blocks + features.shape[1]))
        tensors = (self._weight, self._bias, *wanted, scratch)
        weight, bias, *results, sums = (None if tensor is None else tensor.data_ptr() for tensor in tensors)
        rows, hidden = features.shape
        self._kernels.textgan_words(
            features.data_ptr(), rows, hidden, weight, bias, self.blocks, shifted, *results, sums, threads
        )


def load() -> Callable[[Tensor, Tensor], Words] | None:
    """Makes `Words` of a weight and a bias; None where there is no kernel."""
    kernels = library.load()
    if kernels is None:
        return None
    return lambda weight, bias: Words(kernels, weight, bias)
