"""A residual multi-layer perceptron that scores latent codes."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan.core.options import PositiveInt
from textgan.core.roles import Discriminator, Generator
from textgan.core.types import Samples, Scores, Space
from textgan.nn.residual import ResidualMlp


class Mlp(Discriminator):
    """A residual multi-layer perceptron over latent codes, without normalisation, so that gradient penalties apply.

    LaTextGAN's critic (Donahue and Rumshisky 2018, arXiv:1810.06640) has 40 blocks of 100 units, `blocks: 40,
    hidden_dim: 100`. Small codes need far fewer blocks.

    Args:
        hidden_dim: units of each layer; 100 in the paper.
        blocks: residual blocks, of two layers each; 40 in the paper.
    """

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"latent"})
    capabilities: ClassVar[frozenset[str]] = frozenset({"features", "double_backward"})

    def __init__(self, generator: Generator, hidden_dim: PositiveInt = 100, blocks: PositiveInt = 5) -> None:
        super().__init__()
        if not generator.code_dim:
            raise ValueError("the generator has no latent codes; expected one that samples codes, such as latent")
        self.body = ResidualMlp(generator.code_dim, hidden_dim, blocks)
        self.output = nn.Linear(hidden_dim, 1)

    def forward(self, samples: Samples) -> Scores:
        logits = self.output(self.features(samples))  # [B,1]
        return Scores(logits, torch.ones_like(logits))

    def features(self, samples: Samples) -> Tensor:
        """Returns the output of the last block, [B,F]."""
        hidden: Tensor = self.body(samples.x)
        return hidden
