"""Samples the next token: a head and features [R,H] -> ids [R], or points of the simplex [R,V] with gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from textgan.core.roles import Head, TokenSampler
from textgan.ops.categorical import in_chunks, inverse_cdf


def categorical(head: Head, features: Tensor) -> Tensor:
    """Samples one token per row from softmax(logits): ancestral sampling."""
    return head.sample(features)


def from_logits(sampler: Callable[[Tensor], Tensor]) -> TokenSampler:
    """Makes a token sampler of a function of logits, [R,V] -> ids [R] | simplex [R,V].

    The function is called with chunks of rows, whose logits fit the device's `max_logits`.

    Args:
        sampler: samples one token, or one point, from each row of logits.
    """
    return lambda head, features: in_chunks(lambda rows: sampler(head(rows)), features, head.size)


def greedy(head: Head, features: Tensor) -> Tensor:
    """Takes the most likely token of each row."""
    return in_chunks(lambda rows: head(rows).argmax(1), features, head.size)


def tempered(temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> TokenSampler:
    """Makes a token sampler that sharpens or truncates the distribution.

    Args:
        temperature: logits are divided by it; 0 is greedy.
        top_k: samples from the k most likely tokens only (Fan et al. 2018).
        top_p: samples only from the smallest set of tokens with at least this total probability (Holtzman et al.
            2020), computed after temperature and top_k.

    Raises:
        ValueError: if temperature < 0, top_k < 1 or top_p is outside (0, 1].
    """
    if temperature < 0:
        raise ValueError(f"temperature={temperature}: out of range; expected 0 or more")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k={top_k}: out of range; expected 1 or more")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p}: out of range; expected a number above 0 and at most 1")
    if temperature == 0:
        return greedy
    if temperature == 1 and top_k is None and top_p is None:
        return categorical

    if top_k is None and (top_p is None or top_p == 1):
        return lambda head, features: head.tempered(temperature).sample(features)

    def sample(logits: Tensor) -> Tensor:
        logits = logits / temperature
        if top_k is not None and top_k < logits.shape[1]:
            floor = logits.topk(top_k, dim=1).values[:, -1:]
            logits = logits.masked_fill(logits < floor, -torch.inf)
        if top_p is not None and top_p < 1:
            ordered, tokens = logits.sort(dim=1, descending=True)
            probability = ordered.softmax(1)
            outside = probability.cumsum(1) - probability >= top_p  # the first token is never excluded
            logits = logits.masked_fill(outside.scatter(1, tokens, outside), -torch.inf)
        return inverse_cdf(logits)

    return from_logits(sample)


def gumbel_softmax(temperature: float = 1.0, hard: bool = False, gradient_samples: int = 1) -> TokenSampler:
    """Makes a token sampler of points softmax((logits + g) / temperature), with g from Gumbel(0, 1) for each token.

    The point's largest coordinate is an exact sample from softmax(logits), whatever the temperature. As the temperature
    falls, the point moves to that corner of the simplex. Jang et al. 2017 (arXiv:1611.01144), Maddison et al. 2017
    (arXiv:1611.00712).

    Args:
        temperature: above 0; see `min_temperature`.
        hard: return the token itself, one-hot, with the gradient of the point ("straight-through").
        gradient_samples: for hard samples, gradients are the mean over that many points, whose noise is sampled
            conditioned on the token (Rao-Blackwellised: Paulus et al. 2021, arXiv:2010.04838).
    """

    def point(logits: Tensor) -> Tensor:
        waiting = torch.empty_like(logits).exponential_().clamp_min(torch.finfo(logits.dtype).tiny)
        return ((logits - waiting.log()) / temperature).softmax(1)  # [R,V]

    def corner(logits: Tensor) -> Tensor:
        with torch.no_grad():
            token = inverse_cdf(logits).unsqueeze(1)  # [R,1]
        points = [conditional_gumbel_softmax(logits, token, temperature) for _ in range(gradient_samples)]
        soft = torch.stack(points).mean(0)
        hot = torch.zeros_like(soft).scatter_(1, token, 1.0)
        return hot + (soft - soft.detach())  # in this order it is exactly one-hot

    return from_logits(corner if hard else point)


def conditional_gumbel_softmax(logits: Tensor, token: Tensor, temperature: float) -> Tensor:
    """Samples a Gumbel-softmax point whose largest coordinate is `token` [R,1], with gradients at fixed noise, [R,V].

    Perturbed logits are minus the logs of exponential waiting times whose rates are the probabilities. The shortest
    time has rate 1, independently of the token that has it. Every other token's time is that time plus a further,
    independent exponential waiting time (exponential variables have no memory).

    Args:
        logits: [R,V].
        token: [R,1], the sampled tokens.
        temperature: above 0.
    """
    with torch.no_grad():
        tiny = torch.finfo(logits.dtype).tiny
        waiting = torch.empty_like(logits).exponential_().clamp_min_(tiny)  # [R,V]
        first = waiting.gather(1, token)
        waiting.div_(logits.softmax(1).clamp_min_(tiny)).add_(first).scatter_(1, token, first)
        perturbed = waiting.log_().neg_()
    return ((logits - logits.detach() + perturbed) / temperature).softmax(1)


def min_temperature(dtype: torch.dtype) -> float:
    """Returns the lowest useful Gumbel-softmax temperature: 0.063 in float32, 0.21 in bfloat16, 0.028 in float64.

    Perturbed logits of the two best tokens differ by about one nat. At this temperature, exp(-1 / temperature) is the
    epsilon of the data type, so that difference is the smallest that still differs from certainty. The gradient is
    below epsilon for about a third of all tokens, and for more of them at lower temperatures. The few remaining
    gradients are larger, so the mean stays about the same, but most batches miss them: in float32 at 0.001, 9 of 10
    gradients are exactly zero.

    Args:
        dtype: a floating-point type.
    """
    return -1 / math.log(torch.finfo(dtype).eps)
