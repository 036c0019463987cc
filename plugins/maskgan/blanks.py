"""Which words of real text are left out for a generator to fill in."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.options import Count, Fraction
from textgan.roles import Blanks
from textgan.types import Batch
from textgan_plugins.maskgan import spans


class Contiguous(Blanks):
    """One run of blanks in each sentence, anywhere in it; MaskGAN's "contiguous" mask.

    Fedus et al. 2018 (arXiv:1801.07736) blank 9 of 20 tokens and never the first. Here the run may begin anywhere. The
    end of a sentence counts as a word of it: where that is blanked too, the length is the generator's to choose.

    Args:
        rate: share of a sentence's tokens that is blanked, on average.
        rate_jitter: each sentence has a share of its own, uniform within this of the rate and cut to 0 and 1.
        full_blank_rate: share of sentences that are blanked entirely, whatever the rate: what writing from nothing is learned
            from.
        final_rate: the rate after `over` batches, reached in a straight line; null stays at `rate`.
        over: batches until `final_rate` is reached, those of all turns counted.
    """

    def __init__(
        self,
        rate: Fraction = 0.5,
        rate_jitter: Fraction = 0.0,
        full_blank_rate: Fraction = 0.0,
        final_rate: Fraction | None = None,
        over: Count = 0,
    ) -> None:
        self.rate = spans.Rate(rate, rate_jitter, full_blank_rate, final_rate, over)

    def given(self, batch: Batch, rng: torch.Generator, index: int) -> Tensor:
        shares = self.rate.shares(len(batch), rng, index)
        blanked: Tensor = spans.contiguous(batch.valid, shares, rng)
        return batch.valid & ~blanked


class Random(Blanks):
    """Blanks that are drawn for each token by itself; MaskGAN's "random" mask.

    Fedus et al. 2018 (arXiv:1801.07736). The end of a sentence counts as a word of it.

    Args:
        rate: chance of a token to be blanked.
        rate_jitter: each sentence has a rate of its own, uniform within this of the rate and cut to 0 and 1.
        full_blank_rate: share of sentences that are blanked entirely, whatever the rate: what writing from nothing is learned
            from.
        final_rate: the rate after `over` batches, reached in a straight line; null stays at `rate`.
        over: batches until `final_rate` is reached, those of all turns counted.
    """

    def __init__(
        self,
        rate: Fraction = 0.5,
        rate_jitter: Fraction = 0.0,
        full_blank_rate: Fraction = 0.0,
        final_rate: Fraction | None = None,
        over: Count = 0,
    ) -> None:
        self.rate = spans.Rate(rate, rate_jitter, full_blank_rate, final_rate, over)

    def given(self, batch: Batch, rng: torch.Generator, index: int) -> Tensor:
        shares = self.rate.shares(len(batch), rng, index)
        blanked: Tensor = spans.scattered(batch.valid, shares, rng)
        return batch.valid & ~blanked
