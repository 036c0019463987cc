"""Defines a residual multi-layer perceptron."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Computes x + W2 relu(W1 x), which is near the identity at first, so that gradients pass through many blocks.

    Args:
        dim: size of x.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.outer(functional.relu(self.inner(x)))
        return x + residual


class ResidualMlp(nn.Module):
    """Applies a linear layer and residual blocks, [R,in_dim] -> [R,hidden_dim].

    Each row is processed by itself: with batch norm, the norms of a gradient penalty would depend on the other rows.

    Args:
        in_dim: size of an input.
        hidden_dim: size of the blocks and of the output.
        blocks: number of residual blocks.
    """

    def __init__(self, in_dim: int, hidden_dim: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Linear(in_dim, hidden_dim)
        self.blocks = nn.Sequential(*(Block(hidden_dim) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.blocks(self.enter(x))
        return hidden
