"""Filters at the one place of a sentence where each answers most, with gradients that go to that place alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from textgan.devices import describe


def strongest(words: Tensor, banks: Sequence[Tensor], lengths: Tensor) -> Tensor:
    """The largest answer of each filter over the windows of a sentence, [B,F], one bank behind another.

    Args:
        words: vectors of words, [B,T,E]; zeros behind a sentence's end, which a window wider than it reads.
        banks: filters of several widths W <= T, each [F_k,W*E].
        lengths: words of each sentence, [B]. A window counts that lies inside its sentence, and always the first.

    Equal answers pay the first of them. Twice differentiable: where the largest answer stands is constant almost
    everywhere.
    """
    found: Tensor = _Strongest.apply(words, lengths, *banks)  # type: ignore[no-untyped-call]
    return found


def windows(words: Tensor, width: int) -> Tensor:
    """All windows of a sentence, [B,T,E] -> [B,S,W*E], S = T - W + 1, one copy."""
    starts = words.shape[1] - width + 1
    return torch.cat([words[:, k : k + starts] for k in range(width)], 2)


def inside(lengths: Tensor, width: int, longest: int) -> Tensor:
    """Which windows of a width count, of sentences of these lengths [B] in `longest` words, [B,S]."""
    starts = torch.arange(max(1, longest - width + 1), device=lengths.device)
    return (starts + width <= lengths.unsqueeze(1)) | (starts == 0)


class _Strongest(torch.autograd.Function):
    """Products of matrices both ways. Of a filter's answers, [B,S,F], a sentence has one winner: where the device has a
    kernel for it, nothing else is written down or added up, and all banks are one call.

    PyTorch's own chain for the same splits ties, compares the whole of [B,S,F] with its maximum, and scatters the
    windows back word by word; it takes about twice as long.
    """

    @staticmethod
    def forward(ctx: Any, words: Tensor, lengths: Tensor, *banks: Tensor) -> Tensor:
        winners = describe(words.device).winners()
        ctx.winners = winners if all(t.dtype == torch.float32 for t in (words, *banks)) else None
        ctx.seen = []
        best: Tensor
        if ctx.winners is not None:
            best, place = ctx.winners.find(words, banks, lengths)
        else:
            ctx.seen = [windows(words, bank.shape[1] // words.shape[2]) for bank in banks]
            each = [_largest(seen, bank, lengths, words.shape) for seen, bank in zip(ctx.seen, banks, strict=True)]
            best, place = (torch.cat(parts, 1) for parts in zip(*each, strict=True))
        ctx.save_for_backward(words, place, *banks)
        return best

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        words, place, *banks = ctx.saved_tensors
        wants_words, _, *wants_banks = ctx.needs_input_grad
        to_words, to_banks = None, [None] * len(banks)
        again = torch.is_grad_enabled()  # it will be differentiated again
        if ctx.winners is not None and not again:
            if wants_words:
                to_words = ctx.winners.to_words(words.shape, banks, place, grad)
            if any(wants_banks):
                to_banks = ctx.winners.to_weights(words, banks, place, grad)
            return to_words, None, *to_banks
        parts = [part.split([len(bank) for bank in banks], 1) for part in (place, grad)]
        for k, (bank, at, slope) in enumerate(zip(banks, *parts, strict=True)):
            starts = words.shape[1] - bank.shape[1] // words.shape[2] + 1
            slopes = slope.new_zeros(len(words), starts, len(bank))  # [B,S,F]
            slopes = slopes.scatter(1, at.long().unsqueeze(1), slope.unsqueeze(1))
            if wants_banks[k]:
                seen = windows(words, bank.shape[1] // words.shape[2]) if again else ctx.seen[k]
                to_banks[k] = slopes.flatten(0, 1).t() @ seen.flatten(0, 1)
            if wants_words:
                share = _spread(slopes @ bank, words.shape)
                to_words = share if to_words is None else to_words + share
        return to_words, None, *to_banks


def _largest(seen: Tensor, bank: Tensor, lengths: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """One bank's largest answers and their places, each [B,F_k], among these windows of words of this shape."""
    answers = functional.linear(seen, bank)  # [B,S,F]
    counts = inside(lengths, bank.shape[1] // shape[2], shape[1])
    best, place = answers.masked_fill_(~counts.unsqueeze(2), -torch.inf).max(1)
    return best, place


def _spread(seen: Tensor, shape: torch.Size) -> Tensor:
    """Adds what belongs to each window's words to these words, [B,S,W*E] -> [B,T,E]: the transpose of `windows`."""
    rows, length, size = shape
    starts = seen.shape[1]
    found = seen.new_zeros(rows, length, size)
    for k, part in enumerate(seen.split(size, 2)):
        found[:, k : k + starts] += part
    return found
