"""How the next token is drawn: features [R,H] and a head -> ids [R], or points of the simplex [R,V] with gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from textgan.devices import describe
from textgan.kernels.plain import block_of
from textgan.roles import Draw, Head


def categorical(head: Head, features: Tensor) -> Tensor:
    """Ancestral sampling: each row's word from its own law."""
    return head.draw(features)


def in_pieces(head: Head, features: Tensor, draw: Callable[[Tensor], Tensor]) -> Tensor:
    """Draws by a function of logits [r,V], of which no more are held at once than the device's cache takes."""
    rows = max(1, describe(features.device).logits // head.size)
    if len(features) <= rows:
        return draw(head(features))
    return torch.cat([draw(head(piece)) for piece in features.split(rows)])


def by_logits(draw: Callable[[Tensor], Tensor]) -> Draw:
    """Makes a draw of a function of logits, [R,V] -> ids [R] | simplex [R,V]."""
    return lambda head, features: in_pieces(head, features, draw)


def inverse_cdf(logits: Tensor) -> Tensor:
    """Words from softmax(logits), [R,V] -> [R], by a two-level inverse CDF, with one uniform number a row."""
    return two_level((logits - logits.amax(1, keepdim=True)).exp_())


def two_level(weight: Tensor) -> Tensor:
    """Words as often as they weigh, [R,V] -> [R]: block sums find the block, a cumulative sum in it finds the word.

    About 20 times as fast as `torch.multinomial`, and exact up to rounding. A word that weighs nothing is never drawn.
    """
    rows, size = weight.shape
    width = math.ceil(math.sqrt(size))
    blocks = size // width
    sums = weight[:, : blocks * width].unflatten(1, (blocks, width)).sum(2)  # [R,blocks]
    if blocks * width < size:
        sums = torch.cat([sums, weight[:, blocks * width :].sum(1, keepdim=True)], 1)
    block, rest = block_of(sums.cumsum_(1), torch.rand(rows, 1, device=weight.device, dtype=weight.dtype))  # [R,1] each
    words = block * width + torch.arange(width, device=weight.device)  # [R,width]
    inside = torch.where(words < size, weight.gather(1, words.clamp_max(size - 1)), 0.0)
    word = torch.searchsorted(inside.cumsum(1), rest, right=True)
    return (block * width + torch.minimum(word, _last_positive(inside))).squeeze(1)  # as in `block_of`


def _last_positive(weight: Tensor) -> Tensor:
    """The last column that weighs, [R,1]."""
    positions = torch.arange(weight.shape[1], device=weight.device)
    return torch.where(weight > 0, positions, 0).amax(1, keepdim=True)


def greedy(head: Head, features: Tensor) -> Tensor:
    """The likeliest word."""
    return in_pieces(head, features, lambda logits: logits.argmax(1))


def tempered(temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> Draw:
    """Sampling from sharpened or truncated logits.

    Args:
        temperature: logits are divided by it; 0 is greedy.
        top_k: only the k likeliest words (Fan et al. 2018).
        top_p: only the smallest set of words that holds this probability (Holtzman et al. 2020), after the temperature.

    Raises:
        ValueError: if temperature < 0, top_k < 1 or top_p is outside (0, 1].
    """
    if temperature < 0:
        raise ValueError(f"temperature must be 0 or more, not {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be 1 or more, not {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")
    if temperature == 0:
        return greedy
    if temperature == 1 and top_k is None and top_p is None:
        return categorical

    if top_k is None and (top_p is None or top_p == 1):
        return lambda head, features: head.tempered(temperature).draw(features)

    def draw(logits: Tensor) -> Tensor:
        logits = logits / temperature
        if top_k is not None and top_k < logits.shape[1]:
            floor = logits.topk(top_k, dim=1).values[:, -1:]
            logits = logits.masked_fill(logits < floor, -torch.inf)
        if top_p is not None and top_p < 1:
            ordered, words = logits.sort(dim=1, descending=True)
            probability = ordered.softmax(1)
            outside = probability.cumsum(1) - probability >= top_p  # the first word always stays
            logits = logits.masked_fill(outside.scatter(1, words, outside), -torch.inf)
        return inverse_cdf(logits)

    return by_logits(draw)


def gumbel_softmax(temperature: float = 1.0, hard: bool = False, averaged: int = 1) -> Draw:
    """A draw of the Gumbel-softmax: softmax((logits + g) / temperature), with g from Gumbel(0, 1) for each word.

    Its likeliest word is an exact draw from softmax(logits), whatever the temperature; as that falls, the point moves
    to the word's corner of the simplex. Jang et al. 2017 (arXiv:1611.01144), Maddison et al. 2017 (arXiv:1611.00712).

    Args:
        temperature: above 0; see `coldest`.
        hard: the word itself, one-hot, with the gradient of the point ("straight through").
        averaged: of hard draws, gradients are the mean over that many points, whose noises are drawn anew in the
            light of the word (Rao-Blackwellised: Paulus et al. 2021, arXiv:2010.04838).
    """

    def draw(logits: Tensor) -> Tensor:
        waiting = torch.empty_like(logits).exponential_().clamp_min(torch.finfo(logits.dtype).tiny)
        return ((logits - waiting.log()) / temperature).softmax(1)  # [R,V]

    def corner(logits: Tensor) -> Tensor:
        with torch.no_grad():
            word = inverse_cdf(logits).unsqueeze(1)  # [R,1]
        soft = torch.stack([around(logits, word, temperature) for _ in range(averaged)]).mean(0)
        hot = torch.zeros_like(soft).scatter_(1, word, 1.0)
        return hot + (soft - soft.detach())  # in this order it is exactly one-hot

    return by_logits(corner if hard else draw)


def around(logits: Tensor, word: Tensor, temperature: float) -> Tensor:
    """A draw of the Gumbel-softmax whose likeliest word is `word` [R,1], with gradients at fixed noise, [R,V].

    The words' perturbed logits are minus the logs of waiting times, exponential with their probabilities for rates.
    The first time of all has the rate 1, whichever word's it is, and every other word waits on from there.
    """
    with torch.no_grad():
        tiny = torch.finfo(logits.dtype).tiny
        waiting = torch.empty_like(logits).exponential_().clamp_min_(tiny)  # [R,V]
        first = waiting.gather(1, word)
        waiting.div_(logits.softmax(1).clamp_min_(tiny)).add_(first).scatter_(1, word, first)
        ahead = waiting.log_().neg_()
    return ((logits - logits.detach() + ahead) / temperature).softmax(1)


def coldest(dtype: torch.dtype) -> float:
    """The lowest temperature of a Gumbel-softmax with gradients: 0.063 in float32, 0.21 in bfloat16, 0.028 in float64.

    There, one nat between the two best words, about what the noise leaves, is as much as the type can tell from
    certainty: exp(-1 / temperature) is its epsilon. For about a third of all tokens the gradient is below that
    epsilon then, and more with every degree. The few that keep one make up for it, so the mean stays about as it is
    and a batch sees nothing of it: in float32 at 0.001, 9 of 10 gradients are exactly zero.
    """
    return -1 / math.log(torch.finfo(dtype).eps)
