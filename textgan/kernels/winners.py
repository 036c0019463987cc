"""The kernels for filters over sentences: the one place where each answers most, and gradients from there alone."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from textgan.kernels import library

LANES = 16
"""Filters that one vector of the processor holds at most."""


@dataclass(frozen=True)
class Winners:
    """F filters of W words over the windows of B sentences, and each one's largest answer.

    Args:
        kernels: what `library.load` compiled.
    """

    kernels: ctypes.CDLL

    def find(self, words: Tensor, weight: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """The largest answer over the windows that count, and the first such window, each [B,F].

        Args:
            words: [B,T,E] float32.
            weight: [F,W*E] float32.
            inside: [B,S] bool, S = T - W + 1; at least one of each sentence.
        """
        filters, size = weight.shape
        stride, most = -(-filters // LANES) * LANES, 2 * LANES
        best = words.new_full((len(words), stride), -torch.inf)
        place = torch.zeros_like(best, dtype=torch.int32)
        scratch = words.new_empty(torch.get_num_threads(), size, most)
        sizes = (*words.shape, filters, size, stride)
        self._run("strongest", words, weight, inside, best, place, scratch, sizes=sizes)
        return best[:, :filters], place[:, :filters].contiguous()

    def to_weight(self, words: Tensor, place: Tensor, slope: Tensor, size: int) -> Tensor:
        """Gradients of filters [F,W*E], of answers whose own are `slope` [B,F].

        Args:
            words: [B,T,E] float32.
            place: [B,F] int32, from `find`.
            slope: [B,F] float32.
            size: W*E.
        """
        found = words.new_empty(place.shape[1], size)
        self._run("winners_weight", words, place, slope, found, sizes=(*words.shape, place.shape[1], size))
        return found

    def to_words(self, weight: Tensor, place: Tensor, slope: Tensor, shape: torch.Size) -> Tensor:
        """Gradients of words of this shape, [B,T,E], under filters [F,W*E] float32."""
        found = weight.new_empty(shape)
        self._run("winners_words", weight, place, slope, found, sizes=(*shape, *weight.shape))
        return found

    def _run(self, name: str, *tensors: Tensor, sizes: tuple[int, ...]) -> None:
        dense = [tensor.contiguous() for tensor in tensors]  # those that are written to are so already
        getattr(self.kernels, f"textgan_{name}")(
            *(tensor.data_ptr() for tensor in dense), *sizes, torch.get_num_threads()
        )


def load() -> Winners | None:
    """None where there is no kernel."""
    kernels = library.load()
    return None if kernels is None else Winners(kernels)
