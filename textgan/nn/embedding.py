"""Words as vectors, of ids and of points of the simplex alike."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def embed(x: Tensor, weight: Tensor) -> Tensor:
    """The rows of weight [V,E] for ids [...], their mixtures for points of the simplex [...,V] -> [...,E]."""
    return x @ weight if x.is_floating_point() else functional.embedding(x, weight)
