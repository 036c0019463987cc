"""How well counts fit a law."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.nn.lm_head import LogitsHead
from textgan.core.roles import TokenSampler


def p_value(drawn: Tensor, probability: Tensor) -> float:
    """The chance of a worse fit, by a chi-square test. Rare outcomes are counted together.

    drawn: [N] long, which outcome; probability: [K]. Outcomes that cannot be must not have been drawn.
    """
    from scipy.stats import chi2

    counts = torch.bincount(drawn, minlength=len(probability)).double()
    expected = probability.double() * len(drawn)
    assert len(counts) == len(expected)
    assert abs(probability.double().sum().item() - 1) < 1e-4
    assert not counts[probability == 0].any(), "something was drawn that cannot be"
    rare = expected < 5
    counts = torch.cat([counts[~rare], counts[rare].sum(0, keepdim=True)])
    expected = torch.cat([expected[~rare], expected[rare].sum(0, keepdim=True)])
    if expected[-1] < 5:
        counts, expected = counts[:-1], expected[:-1]
    if len(counts) < 2:
        return 1.0
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum().item(), len(counts) - 1))


def by(token_sampler: TokenSampler, logits: Tensor) -> Tensor:
    """One draw from each row of logits [R,V]."""
    return token_sampler(LogitsHead(lambda features: features, logits.shape[1]), logits)
