"""Goodness-of-fit tests of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.roles import TokenSampler
from textgan.nn.lm_head import LogitsHead


def p_value(sampled: Tensor, probability: Tensor) -> float:
    """Computes the p-value of a chi-square goodness-of-fit test. Rare outcomes are counted together.

    drawn: [N] long, the sampled outcomes; probability: [K]. Outcomes of probability 0 must not have been sampled.
    """
    from scipy.stats import chi2

    counts = torch.bincount(sampled, minlength=len(probability)).double()
    expected = probability.double() * len(sampled)
    assert len(counts) == len(expected)
    assert abs(probability.double().sum().item() - 1) < 1e-4
    assert not counts[probability == 0].any(), "an outcome of probability 0 was sampled"
    rare = expected < 5
    counts = torch.cat([counts[~rare], counts[rare].sum(0, keepdim=True)])
    expected = torch.cat([expected[~rare], expected[rare].sum(0, keepdim=True)])
    if expected[-1] < 5:
        counts, expected = counts[:-1], expected[:-1]
    if len(counts) < 2:
        return 1.0
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum().item(), len(counts) - 1))


def by(token_sampler: TokenSampler, logits: Tensor) -> Tensor:
    """Samples once from each row of logits [R,V]."""
    return token_sampler(LogitsHead(lambda features: features, logits.shape[1]), logits)
