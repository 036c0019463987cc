"""The kernels for filters over sentences: the one place where each answers most, and gradients from there alone."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from textgan.kernels import library

MOST = 32
"""Filters that the kernel takes at a time at most."""


@dataclass(frozen=True)
class Winners:
    """Filters of several widths over the windows of B sentences, F in all, and each one's largest answer.

    A bank is the filters of one width W, [F_k,W*E] float32. Columns are filters, one bank behind another.

    Args:
        kernels: what `library.load` compiled.
    """

    kernels: ctypes.CDLL

    def find(self, words: Tensor, banks: Sequence[Tensor], lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The largest answer over the windows that count, and the first such window, [B,F] float32 and int32.

        Args:
            words: [B,T,E] float32, T at least the largest width.
            banks: the filters.
            lengths: [B] int64, words of each sentence; a window counts that lies inside, and always the first.
        """
        threads, most = torch.get_num_threads(), max(bank.shape[1] for bank in banks)
        words, lengths, banks = words.contiguous(), lengths.contiguous(), [bank.contiguous() for bank in banks]
        best = words.new_empty(len(words), sum(len(bank) for bank in banks))
        place = torch.empty_like(best, dtype=torch.int32)
        scratch = words.new_empty(threads * (most + 2 * len(words)) * MOST)
        self.kernels.textgan_strongest(
            words.data_ptr(), _addresses(banks), *_sizes(banks), lengths.data_ptr(), best.data_ptr(), place.data_ptr(),
            scratch.data_ptr(), *words.shape, best.shape[1], threads,
        )  # fmt: skip
        return best, place

    def to_weights(self, words: Tensor, banks: Sequence[Tensor], place: Tensor, slope: Tensor) -> list[Tensor]:
        """Gradients of the banks, of answers whose own are `slope` [B,F], at the places that `find` gave."""
        found = [bank.new_empty(bank.shape) for bank in banks]
        words, slope = words.contiguous(), slope.contiguous()
        self.kernels.textgan_winners_weight(
            words.data_ptr(), place.data_ptr(), slope.data_ptr(), _addresses(found), *_sizes(found), *words.shape,
            place.shape[1], torch.get_num_threads(),
        )  # fmt: skip
        return found

    def to_words(self, shape: torch.Size, banks: Sequence[Tensor], place: Tensor, slope: Tensor) -> Tensor:
        """The same of words of this shape, [B,T,E]."""
        found = slope.new_empty(shape)
        slope, banks = slope.contiguous(), [bank.contiguous() for bank in banks]
        self.kernels.textgan_winners_words(
            _addresses(banks), place.data_ptr(), slope.data_ptr(), found.data_ptr(), *_sizes(banks), *shape,
            place.shape[1], torch.get_num_threads(),
        )  # fmt: skip
        return found


def _addresses(banks: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(banks))(*(bank.data_ptr() for bank in banks))


def _sizes(banks: Sequence[Tensor]) -> tuple[ctypes.Array[ctypes.c_int64], ctypes.Array[ctypes.c_int64], int]:
    """How many filters each bank has, how many numbers each of them, and how many banks there are."""
    numbers = ctypes.c_int64 * len(banks)
    return numbers(*(len(bank) for bank in banks)), numbers(*(bank.shape[1] for bank in banks)), len(banks)


def load() -> Winners | None:
    """None where there is no kernel."""
    kernels = library.load()
    return None if kernels is None else Winners(kernels)
