"""Embeds ids and points of the simplex."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def embed(x: Tensor, weight: Tensor) -> Tensor:
    """Returns the embeddings of ids, or the mixtures of embeddings for points of the simplex, [...,E].

    Args:
        x: ids [...] long, or points of the simplex [...,V].
        weight: [V,E].
    """
    return x @ weight if x.is_floating_point() else functional.embedding(x, weight)
