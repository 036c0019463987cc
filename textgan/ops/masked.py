"""Computes means over the valid entries of a tensor."""

from __future__ import annotations

from torch import Tensor


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Computes the weighted mean of all entries, a scalar; 0 where no entry counts.

    Args:
        values: any shape.
        weight: the same shape, 1 or True where an entry counts, else 0 or False.
    """
    return (values * weight).sum() / weight.sum().clamp_min(1)


def masked_mean_rows(values: Tensor, weight: Tensor) -> Tensor:
    """Computes the weighted mean over dimension 1, [B,T,...] -> [B,...]; 0 for a row of which no entry counts.

    Args:
        values: [B,T] or [B,T,H].
        weight: [B,T] or [B,T,1], 1 or True where an entry counts, else 0 or False.
    """
    return (values * weight).sum(1) / weight.sum(1).clamp_min(1)
