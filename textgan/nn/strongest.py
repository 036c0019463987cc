"""Filters at the one place of a sentence where each answers most, with gradients that go to that place alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from textgan.devices import describe


def strongest(words: Tensor, weight: Tensor, inside: Tensor) -> Tensor:
    """The largest answer of each filter over the windows of a sentence, [B,F].

    Args:
        words: vectors of words, [B,T,E].
        weight: filters, [F,W*E], over windows of W <= T words.
        inside: which windows count, [B,S], S = T - W + 1; at least one of each sentence.

    Equal answers pay the first of them. Twice differentiable: where the largest answer stands is constant almost
    everywhere.
    """
    found: Tensor = _Strongest.apply(words, weight, inside)  # type: ignore[no-untyped-call]
    return found


def windows(words: Tensor, width: int) -> Tensor:
    """All windows of a sentence, [B,T,E] -> [B,S,W*E], one copy."""
    starts = words.shape[1] - width + 1
    return torch.cat([words[:, k : k + starts] for k in range(width)], 2)


class _Strongest(torch.autograd.Function):
    """Products of matrices both ways. Of a filter's answers, [B,S,F], a sentence has one winner: where the device has a
    kernel for it, nothing else is written down or added up.

    PyTorch's own chain for the same splits ties, compares the whole of [B,S,F] with its maximum, and scatters the
    windows back word by word; it takes about twice as long.
    """

    @staticmethod
    def forward(ctx: Any, words: Tensor, weight: Tensor, inside: Tensor) -> Tensor:
        winners = describe(words.device).winners()
        ctx.winners = winners if words.dtype == weight.dtype == torch.float32 else None
        ctx.seen = None
        best: Tensor
        if ctx.winners is not None:
            best, place = ctx.winners.find(words, weight, inside)
        else:
            seen = windows(words, weight.shape[1] // words.shape[2])
            answers = functional.linear(seen, weight)  # [B,S,F]
            best, place = answers.masked_fill_(~inside.unsqueeze(2), -torch.inf).max(1)  # [B,F]
            ctx.seen = seen if weight.requires_grad else None
        ctx.save_for_backward(words, weight, place)
        ctx.mark_non_differentiable(place)
        return best

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        words, weight, place = ctx.saved_tensors
        width = weight.shape[1] // words.shape[2]
        again = torch.is_grad_enabled()  # it will be differentiated again
        if ctx.winners is not None and not again:
            wants_words, wants_weight, _ = ctx.needs_input_grad
            of_words = ctx.winners.to_words(weight, place, grad, words.shape) if wants_words else None
            of_weight = ctx.winners.to_weight(words, place, grad, weight.shape[1]) if wants_weight else None
            return of_words, of_weight, None
        starts = words.shape[1] - width + 1
        slope = torch.zeros(len(words), starts, len(weight), dtype=grad.dtype, device=grad.device)  # [B,S,F]
        slope = slope.scatter(1, place.long().unsqueeze(1), grad.unsqueeze(1))
        to_weight = None
        if ctx.needs_input_grad[1]:
            seen = windows(words, width) if again else ctx.seen
            to_weight = slope.flatten(0, 1).t() @ seen.flatten(0, 1)
        to_words = _spread(slope @ weight, words.shape) if ctx.needs_input_grad[0] else None
        return to_words, to_weight, None


def _spread(seen: Tensor, shape: torch.Size) -> Tensor:
    """Adds what belongs to each window's words to these words, [B,S,W*E] -> [B,T,E]: the transpose of `windows`."""
    rows, length, size = shape
    starts = seen.shape[1]
    found = seen.new_zeros(rows, length, size)
    for k, part in enumerate(seen.split(size, 2)):
        found[:, k : k + starts] += part
    return found
