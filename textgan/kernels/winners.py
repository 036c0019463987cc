"""The kernel for filters that answer at one place of each sentence: finds it, and gradients from there alone."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from textgan.kernels import library


@dataclass(frozen=True)
class Winners:
    """Answers of F filters of W words at each of S places of B sentences, and the largest of them.

    Args:
        kernels: what `library.load` compiled.
    """

    kernels: ctypes.CDLL

    def find(self, answers: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """The largest answer over the places that count, and the first such place, each [B,F].

        Args:
            answers: [B,S,F] float32.
            inside: [B,S] bool; at least one of each sentence.
        """
        rows, places, filters = answers.shape
        best, place = answers.new_empty(rows, filters), inside.new_empty(rows, filters, dtype=torch.int32)
        self._run("find", answers, inside, best, place, sizes=(rows, places, filters))
        return best, place

    def to_weight(self, words: Tensor, place: Tensor, slope: Tensor, size: int) -> Tensor:
        """Gradients of filters [F,W*E], of answers whose own are `slope` [B,F].

        Args:
            words: [B,T,E] float32.
            place: [B,F] int32, from `find`.
            slope: [B,F] float32.
            size: W*E.
        """
        found = words.new_empty(place.shape[1], size)
        self._run("weight", words, place, slope, found, sizes=(*words.shape, place.shape[1], size))
        return found

    def to_words(self, weight: Tensor, place: Tensor, slope: Tensor, shape: torch.Size) -> Tensor:
        """Gradients of words of this shape, [B,T,E], under filters [F,W*E] float32."""
        found = weight.new_empty(shape)
        self._run("words", weight, place, slope, found, sizes=(*shape, *weight.shape))
        return found

    def _run(self, name: str, *tensors: Tensor, sizes: tuple[int, ...]) -> None:
        kernel: Any = self.kernels[f"textgan_winners_{name}"]
        kernel.argtypes = [ctypes.c_void_p] * len(tensors) + [ctypes.c_int64] * len(sizes) + [ctypes.c_int32]
        kernel.restype = None
        dense = [tensor.contiguous() for tensor in tensors]  # those that are written to are so already
        kernel(*(tensor.data_ptr() for tensor in dense), *sizes, torch.get_num_threads())


def load() -> Winners | None:
    """None where there is no kernel."""
    kernels = library.load()
    return None if kernels is None else Winners(kernels)
