"""Chooses the positions of blanks: pure functions of a text's shape and of the given random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class BlankRate:
    """The share of each sentence's tokens that is blanked; may change from batch to batch.

    Args:
        rate: mean rate in the first batch.
        rate_jitter: the rate of each sentence is uniform within this distance of the mean, clamped to [0, 1].
        full_blank_rate: share of sentences that are blanked entirely, whatever the rate.
        final_rate: mean rate after `over` batches, reached linearly; None for a constant rate.
        over: batches until `final_rate` is reached; 0 for a constant rate.

    Raises:
        ValueError: if only one of `final_rate` and `over` is set.
    """

    rate: float
    rate_jitter: float = 0.0
    full_blank_rate: float = 0.0
    final_rate: float | None = None
    over: int = 0

    def __post_init__(self) -> None:
        if self.final_rate is None and self.over:
            raise ValueError(f"over={self.over}: there is no final_rate; expected both or neither; set final_rate, too")
        if self.final_rate is not None and not self.over:
            raise ValueError(
                f"final_rate={self.final_rate}: over is 0; expected both or neither; "
                "set over to the number of batches after which the rate is reached"
            )

    def mean(self, index: int) -> float:
        """Computes the mean rate of batch number `index`."""
        if self.final_rate is None:
            return self.rate
        return self.rate + (self.final_rate - self.rate) * min(1.0, index / self.over)

    def sample(self, rows: int, rng: torch.Generator, index: int) -> Tensor:
        """Samples the rate of each sentence of batch number `index`, [rows].

        Args:
            rows: number of sentences.
            rng: source of all random numbers.
            index: number of batches before this one.
        """
        jitter, full = torch.rand(2, rows, generator=rng)
        rates: Tensor = (self.mean(index) + self.rate_jitter * (2 * jitter - 1)).clamp(0, 1)
        return rates.masked_fill(full < self.full_blank_rate, 1.0)


def contiguous(valid: Tensor, rates: Tensor, rng: torch.Generator) -> Tensor:
    """Chooses one run of blanks in each sentence, uniformly among all positions of the run, [B,T] bool.

    The length of the run is the rate times the length of the sentence, rounded up or down at random so that the mean is
    exact.

    Args:
        valid: [B,T] bool.
        rates: [B], in [0, 1].
        rng: source of all random numbers.
    """
    device = valid.device
    length = valid.sum(1)  # [B]
    rounding, position = torch.rand(2, len(valid), generator=rng).to(device)
    count = torch.minimum((rates.to(device) * length + rounding).long(), length)
    first = torch.minimum((position * (length - count + 1)).long(), length - count).unsqueeze(1)
    positions = torch.arange(valid.shape[1], device=device)
    inside: Tensor = (positions >= first) & (positions < first + count.unsqueeze(1))
    return inside


def scattered(valid: Tensor, rates: Tensor, rng: torch.Generator) -> Tensor:
    """Blanks each token independently, with its sentence's rate as the probability, [B,T] bool.

    Args:
        valid: [B,T] bool.
        rates: [B], in [0, 1].
        rng: source of all random numbers.
    """
    return valid & (torch.rand(valid.shape, generator=rng) < rates.unsqueeze(1)).to(valid.device)
