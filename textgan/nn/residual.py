"""A residual multi-layer perceptron: vectors to vectors, as deep as one likes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """x + W2 relu(W1 x): starts near the identity, so that many of them still pass gradients on."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.outer(functional.relu(self.inner(x)))
        return x + change


class ResidualMlp(nn.Module):
    """A linear layer in, `blocks` residual blocks of `hidden_dim` units. [R,in_dim] -> [R,hidden_dim].

    No layer looks at more than one row: a batch norm would make a gradient penalty's norms depend on the other rows.
    """

    def __init__(self, in_dim: int, hidden_dim: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Linear(in_dim, hidden_dim)
        self.blocks = nn.Sequential(*(Block(hidden_dim) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.blocks(self.enter(x))
        return hidden
