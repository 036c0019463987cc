"""Chooses the tokens of real text that are blanked for a generator to fill in."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.options import Count, Fraction
from textgan.roles import Blanks
from textgan.types import Batch
from textgan_plugins.maskgan import spans


class Contiguous(Blanks):
    """Blanks one run of tokens in each sentence, at a random position; MaskGAN's "contiguous" mask.

    Fedus et al. 2018 (arXiv:1801.07736) blank 9 of 20 tokens and never the first. Here the run may begin anywhere. The
    end-of-sequence token counts as a token. If it is blanked, the generator chooses the length.

    Args:
        rate: mean share of a sentence's tokens that is blanked.
        rate_jitter: the rate of each sentence is uniform within this distance of the mean, clamped to [0, 1].
        full_blank_rate: share of sentences that are blanked entirely, whatever the rate. Generation without a prompt is
            learned from them.
        final_rate: mean rate after `over` batches, reached linearly; null keeps `rate`.
        over: batches until `final_rate` is reached; the batches of all turns count.
    """

    def __init__(
        self,
        rate: Fraction = 0.5,
        rate_jitter: Fraction = 0.0,
        full_blank_rate: Fraction = 0.0,
        final_rate: Fraction | None = None,
        over: Count = 0,
    ) -> None:
        self.rate = spans.BlankRate(rate, rate_jitter, full_blank_rate, final_rate, over)

    def given(self, batch: Batch, rng: torch.Generator, index: int) -> Tensor:
        rates = self.rate.sample(len(batch), rng, index)
        blanked: Tensor = spans.contiguous(batch.valid, rates, rng)
        return batch.valid & ~blanked


class Random(Blanks):
    """Blanks each token independently; MaskGAN's "random" mask.

    Fedus et al. 2018 (arXiv:1801.07736). The end-of-sequence token counts as a token.

    Args:
        rate: mean probability that a token is blanked.
        rate_jitter: the rate of each sentence is uniform within this distance of the mean, clamped to [0, 1].
        full_blank_rate: share of sentences that are blanked entirely, whatever the rate. Generation without a prompt is
            learned from them.
        final_rate: mean rate after `over` batches, reached linearly; null keeps `rate`.
        over: batches until `final_rate` is reached; the batches of all turns count.
    """

    def __init__(
        self,
        rate: Fraction = 0.5,
        rate_jitter: Fraction = 0.0,
        full_blank_rate: Fraction = 0.0,
        final_rate: Fraction | None = None,
        over: Count = 0,
    ) -> None:
        self.rate = spans.BlankRate(rate, rate_jitter, full_blank_rate, final_rate, over)

    def given(self, batch: Batch, rng: torch.Generator, index: int) -> Tensor:
        rates = self.rate.sample(len(batch), rng, index)
        blanked: Tensor = spans.scattered(batch.valid, rates, rng)
        return batch.valid & ~blanked
