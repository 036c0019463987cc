"""Where blanks stand: pure functions of a text's shape and of given random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rate:
    """What share of each sentence is blanked.

    Args:
        rate: in the first batch, on average.
        rate_jitter: each sentence has a share of its own, uniform within this of the rate, cut to 0 and 1.
        whole: this share of sentences is blanked entirely, whatever the rate.
        final_rate, over: the rate that is reached after so many batches, in a straight line; None and 0: none.
    """

    rate: float
    rate_jitter: float = 0.0
    whole: float = 0.0
    final_rate: float | None = None
    over: int = 0

    def __post_init__(self) -> None:
        if (self.final_rate is None) != (self.over == 0):
            raise ValueError(
                f"final_rate {self.final_rate} and over {self.over} go together: the rate, and after how many batches"
            )

    def at(self, index: int) -> float:
        """The rate of batch number `index`."""
        if self.final_rate is None:
            return self.rate
        return self.rate + (self.final_rate - self.rate) * min(1.0, index / self.over)

    def shares(self, rows: int, rng: torch.Generator, index: int) -> Tensor:
        """Of each sentence of batch number `index`, [B]."""
        own, whole = torch.rand(2, rows, generator=rng)
        shares: Tensor = (self.at(index) + self.rate_jitter * (2 * own - 1)).clamp(0, 1)
        return shares.masked_fill(whole < self.whole, 1.0)


def contiguous(valid: Tensor, shares: Tensor, rng: torch.Generator) -> Tensor:
    """One run of blanks in each sentence, anywhere in it with equal rng, [B,T] bool.

    Its length is the share of the sentence's tokens, rounded up or down by chance so that the mean is exact.
    """
    device = valid.device
    length = valid.sum(1)  # [B]
    up, place = torch.rand(2, len(valid), generator=rng).to(device)
    count = torch.minimum((shares.to(device) * length + up).long(), length)
    first = torch.minimum((place * (length - count + 1)).long(), length - count).unsqueeze(1)
    positions = torch.arange(valid.shape[1], device=device)
    inside: Tensor = (positions >= first) & (positions < first + count.unsqueeze(1))
    return inside


def scattered(valid: Tensor, shares: Tensor, rng: torch.Generator) -> Tensor:
    """Each token is a blank with the chance that its sentence's share says, [B,T] bool."""
    return valid & (torch.rand(valid.shape, generator=rng) < shares.unsqueeze(1)).to(valid.device)
