"""Discriminators with known scores."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores, Space


class Fixed(Discriminator):
    """Has fixed scores for real and for fake samples."""

    def __init__(self, **scores: Tensor) -> None:
        super().__init__()
        self.logits = nn.ParameterDict({name: nn.Parameter(logits) for name, logits in scores.items()})
        self.weight = {name: torch.ones_like(logits) for name, logits in scores.items()}

    def forward(self, samples: Samples) -> Scores:
        names = [name for name, token in (("real", 1), ("fake", 0)) if (samples.x[:, 0] == token).any()]
        return Scores(
            torch.cat([self.logits[name] for name in names]), torch.cat([self.weight[name] for name in names])
        )


class Linear(Discriminator):
    """Has a weight for each token at each position; a score is the weight of a token, or their sum, to a power."""

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex", "latent"})
    capabilities: ClassVar[frozenset[str]] = frozenset({"double_backward"})

    def __init__(self, coefficients: Tensor, per_token: bool = False, power: float = 1.0) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(coefficients)  # [T,V] | [Z]
        self.per_token, self.power = per_token, power

    def forward(self, samples: Samples) -> Scores:
        x = samples.x
        if not x.is_floating_point():
            x = nn.functional.one_hot(x, self.coefficients.shape[-1]).to(self.coefficients)
        if self.coefficients.dim() == 1:
            logits = (x @ self.coefficients).unsqueeze(1)
        else:
            logits = (x * self.coefficients[: x.shape[1]]).sum(2) * samples.valid
            logits = logits if self.per_token else logits.sum(1, keepdim=True)
        weight = samples.chosen.float() if self.per_token else torch.ones_like(logits)
        return Scores(logits**self.power, weight)


def samples(token: int, rows: int = 2, length: int = 3) -> Samples:
    return Samples(torch.full((rows, length), token), *[torch.ones(rows, length, dtype=torch.bool)] * 2)


REAL, FAKE = samples(1), samples(0)


def opponent() -> Fixed:
    return Fixed(real=torch.tensor([[2.0], [-1.0]]), fake=torch.tensor([[0.5], [-3.0]]))


def token_opponent() -> Fixed:
    """Scores two tokens of each sequence; three scores of real tokens count, and two of fake ones."""
    d = Fixed(real=torch.tensor([[2.0, 77.0], [-1.0, 0.3]]), fake=torch.tensor([[0.5, -3.0], [99.0, 99.0]]))
    d.weight = {"real": torch.tensor([[1.0, 0.0], [1.0, 1.0]]), "fake": torch.tensor([[1.0, 1.0], [0.0, 0.0]])}
    return d
