"""Discriminators whose verdicts are known beforehand."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores, Space


class Fixed(Discriminator):
    """Says what it was told to."""

    def __init__(self, **said: Tensor) -> None:
        super().__init__()
        self.logits = nn.ParameterDict({name: nn.Parameter(logits) for name, logits in said.items()})
        self.weight = {name: torch.ones_like(logits) for name, logits in said.items()}

    def forward(self, samples: Samples) -> Scores:
        names = [name for name, word in (("real", 1), ("fake", 0)) if (samples.x[:, 0] == word).any()]
        return Scores(
            torch.cat([self.logits[name] for name in names]), torch.cat([self.weight[name] for name in names])
        )


class Linear(Discriminator):
    """Each word has a price at each place, and a verdict is the price of a word, or their sum, to a power."""

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex", "latent"})
    capabilities: ClassVar[frozenset[str]] = frozenset({"double_backward"})

    def __init__(self, price: Tensor, per_token: bool = False, power: float = 1.0) -> None:
        super().__init__()
        self.price = nn.Parameter(price)  # [T,V] | [Z]
        self.per_token, self.power = per_token, power

    def forward(self, samples: Samples) -> Scores:
        x = samples.x
        if not x.is_floating_point():
            x = nn.functional.one_hot(x, self.price.shape[-1]).to(self.price)
        if self.price.dim() == 1:
            logits = (x @ self.price).unsqueeze(1)
        else:
            logits = (x * self.price[: x.shape[1]]).sum(2) * samples.valid
            logits = logits if self.per_token else logits.sum(1, keepdim=True)
        weight = samples.chosen.float() if self.per_token else torch.ones_like(logits)
        return Scores(logits**self.power, weight)


def samples(word: int, rows: int = 2, length: int = 3) -> Samples:
    return Samples(torch.full((rows, length), word), *[torch.ones(rows, length, dtype=torch.bool)] * 2)


REAL, FAKE = samples(1), samples(0)


def opponent() -> Fixed:
    return Fixed(real=torch.tensor([[2.0], [-1.0]]), fake=torch.tensor([[0.5], [-3.0]]))


def token_opponent() -> Fixed:
    """Verdicts of two tokens each; of the real ones three count, of the fakes two."""
    d = Fixed(real=torch.tensor([[2.0, 77.0], [-1.0, 0.3]]), fake=torch.tensor([[0.5, -3.0], [99.0, 99.0]]))
    d.weight = {"real": torch.tensor([[1.0, 0.0], [1.0, 1.0]]), "fake": torch.tensor([[1.0, 1.0], [0.0, 0.0]])}
    return d
