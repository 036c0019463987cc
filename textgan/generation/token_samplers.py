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

    The function sees chunks of rows, so that no more logits are held at once than suit the device.
    """
    return lambda head, features: in_chunks(lambda rows: sampler(head(rows)), features, head.size)


def greedy(head: Head, features: Tensor) -> Tensor:
    """Takes the most likely token of each row."""
    return in_chunks(lambda rows: head(rows).argmax(1), features, head.size)


def tempered(temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> TokenSampler:
    """Samples from sharpened or truncated logits.

    Args:
        temperature: logits are divided by it; 0 is greedy.
        top_k: only the k most likely tokens (Fan et al. 2018).
        top_p: only the smallest set of tokens with this total probability (Holtzman et al. 2020), after the
            temperature.

    Raises:
        ValueError: if temperature < 0, top_k < 1 or top_p is outside (0, 1].
    """
    if temperature < 0:
        raise ValueError(f"temperature={temperature}: expected 0 or more")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k={top_k}: expected 1 or more")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p}: expected a number above 0 and at most 1")
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
            outside = probability.cumsum(1) - probability >= top_p  # the first token always stays
            logits = logits.masked_fill(outside.scatter(1, tokens, outside), -torch.inf)
        return inverse_cdf(logits)

    return from_logits(sample)


def gumbel_softmax(temperature: float = 1.0, hard: bool = False, gradient_samples: int = 1) -> TokenSampler:
    """Samples points softmax((logits + g) / temperature) with g from Gumbel(0, 1) for each token.

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

    Perturbed logits are minus the logs of exponential waiting times with the probabilities as rates. The first time of
    all has rate 1, whichever token has it, and every other token waits on from there.
    """
    with torch.no_grad():
        tiny = torch.finfo(logits.dtype).tiny
        waiting = torch.empty_like(logits).exponential_().clamp_min_(tiny)  # [R,V]
        first = waiting.gather(1, token)
        waiting.div_(logits.softmax(1).clamp_min_(tiny)).add_(first).scatter_(1, token, first)
        ahead = waiting.log_().neg_()
    return ((logits - logits.detach() + ahead) / temperature).softmax(1)


def min_temperature(dtype: torch.dtype) -> float:
    """Returns the lowest useful Gumbel-softmax temperature: 0.063 in float32, 0.21 in bfloat16, 0.028 in float64.

    At that temperature, one nat between the two best tokens (about what the noise leaves) is the smallest difference
    from certainty that the type resolves: exp(-1 / temperature) is its epsilon. For about a third of all tokens the
    gradient is below that epsilon, and for more of them at lower temperatures. The few others make up for it, so the
    mean stays about the same but a batch shows nothing of it: in float32 at 0.001, 9 of 10 gradients are exactly zero.
    """
    return -1 / math.log(torch.finfo(dtype).eps)
