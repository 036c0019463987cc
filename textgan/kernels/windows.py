"""The kernel that finds the largest answers of filters over sentences, from tables of what each word adds."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import torch
from torch import Tensor

from textgan.kernels import library

LANES = 16
"""Filters of a table; the kernel's own constant."""


class Windows:
    """The windows of many sentences of ids.

    Args:
        kernels: what `library.load` compiled.
        x: [R,T] ids.
        valid: [R,T], True up to a sentence's end. What stands behind it is not read.
        size: V. Raises IndexError for an id outside 0 to V - 1.
    """

    def __init__(self, kernels: ctypes.CDLL, x: Tensor, valid: Tensor, size: int) -> None:
        words = x.masked_fill(~valid, 0)
        if words.numel() and not 0 <= int(words.min()) <= int(words.max()) < size:
            raise IndexError(f"ids must lie in 0 to {size - 1}; these reach from {words.min()} to {words.max()}")
        # Those that begin alike come one behind another, by as many first words as a number holds.
        bits = size.bit_length()
        first = words[:, : max(1, 62 // bits)]
        order = (first << bits * torch.arange(first.shape[1]).flip(0)).sum(1).argsort(stable=True)
        words, valid = words[order], valid[order]
        self._kernels, self._words, self._order = kernels, words.int().contiguous(), order
        self._counts = valid.sum(1, dtype=torch.int32)
        self._shared = torch.zeros_like(self._counts)  # first words that are like those of the sentence before
        like = (words[1:] == words[:-1]) & valid[1:] & valid[:-1]
        self._shared[1:] = like.int().cumprod(1).sum(1)

    def largest(self, table: Tensor, bias: Tensor, found: Tensor) -> None:
        """Writes relu(largest answer + bias) of each sentence and filter.

        A window lies inside its sentence; a sentence shorter than the filters has one, whose missing words add nothing.

        Args:
            table: [V,W,LANES] float32, what a word adds to a filter's answer at each of its W taps.
            bias: [LANES] float32.
            found: [R,n], n <= LANES columns of a larger float32 tensor, for the first n filters.
        """
        (rows, length), threads = self._words.shape, torch.get_num_threads()
        table, bias = table.contiguous(), bias.contiguous()
        # One more lane than is needed, so that the kernel's vectors can begin where the processor wants them to.
        scratch = table.new_empty((threads * length + 1) * LANES)
        aligned = -(-scratch.data_ptr() // (4 * LANES)) * (4 * LANES)
        self._kernels.textgan_windows(
            table.data_ptr(), table.shape[1], bias.data_ptr(), self._words.data_ptr(), self._counts.data_ptr(),
            self._shared.data_ptr(), self._order.data_ptr(), rows, length, found.data_ptr(), found.stride(0),
            found.shape[1], aligned, threads,
        )  # fmt: skip


def load() -> Callable[[Tensor, Tensor, int], Windows] | None:
    """Makes `Windows` of ids, their validity and V; None where there is no kernel."""
    kernels = library.load()
    if kernels is None:
        return None
    return lambda x, valid, size: Windows(kernels, x, valid, size)
