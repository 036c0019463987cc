"""The kernel for the gradients of filters that answer at one place of each sentence."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from textgan.kernels import library


@dataclass(frozen=True)
class Winners:
    """Gradients of answers [B,F] that each come from one window of W words of each sentence.

    Args:
        kernels: what `library.load` compiled.
        place: [B,F] int64, where these windows begin.
        slope: [B,F] float32, the gradients of the answers.
    """

    kernels: ctypes.CDLL
    place: Tensor
    slope: Tensor

    def to_weight(self, words: Tensor, size: int) -> Tensor:
        """Those of the filters, [F,W*E], where words are [B,T,E] float32; size is W*E."""
        found = words.new_empty(self.place.shape[1], size)
        self._run(self.kernels.textgan_winners_weight, words, words.shape, size, found)
        return found

    def to_words(self, weight: Tensor, shape: torch.Size) -> Tensor:
        """Those of words of this shape, where the filters are [F,W*E] float32."""
        found = weight.new_empty(shape)
        self._run(self.kernels.textgan_winners_words, weight, shape, weight.shape[1], found)
        return found

    def _run(self, kernel: Any, given: Tensor, shape: torch.Size, size: int, found: Tensor) -> None:
        given, place, slope = given.contiguous(), self.place.contiguous(), self.slope.contiguous()
        at, small, large = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
        kernel.argtypes, kernel.restype = [at, at, at, large, large, large, large, large, at, small], None
        rows, length, embed = shape
        kernel(
            given.data_ptr(), place.data_ptr(), slope.data_ptr(), rows, length, embed, place.shape[1], size,
            found.data_ptr(), torch.get_num_threads(),
        )  # fmt: skip


def load() -> Callable[[Tensor, Tensor], Winners] | None:
    """Makes `Winners` of places and gradients; None where there is no kernel."""
    kernels = library.load()
    return None if kernels is None else partial(Winners, kernels)
