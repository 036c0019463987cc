"""A recurrent network that scores each token given the tokens before it."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from textgan.core.options import NonNegativeFloat, PositiveInt, Probability
from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores, Space, Vocabulary
from textgan.nn.embedding import embed
from textgan.nn.lstm import LSTM


class TokenLstm(Discriminator):
    """An LSTM that scores each chosen token from the text up to and including it.

    Later tokens do not change a score. So a score is the reward of a state and an action, and the return of a token is
    the sum of the scores from that token on. This is the reward network of inverse reinforcement learning for text (Shi
    et al. 2018, arXiv:1804.11258), without its highway layers and without its sigmoid: losses that need a bounded
    reward bound it themselves. Scores of given tokens have weight 0.

    Args:
        embed_dim: size of the token embeddings; 128 in the paper's code.
        hidden_dim: size of the state; 128 in the paper's code.
        layers: number of LSTM layers.
        dropout: rate on embeddings and features while training; 0.3 in the paper's code. Off when a generator's samples
            are scored.
        l2: weight of half the squared norm of all parameters except embeddings; 1e-5 in the paper's code.
    """

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex"})
    granularity: ClassVar[Literal["sequence", "token"]] = "token"

    def __init__(
        self,
        vocab: Vocabulary,
        embed_dim: PositiveInt = 64,
        hidden_dim: PositiveInt = 64,
        layers: PositiveInt = 1,
        dropout: Probability = 0.0,
        l2: NonNegativeFloat = 1e-5,
    ) -> None:
        super().__init__()
        self.l2 = l2
        self.embedding = nn.Embedding(vocab.size, embed_dim)
        self.lstm = LSTM(embed_dim, hidden_dim, layers)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_dim, 1)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, samples: Samples) -> Scores:
        features, _ = self.lstm(self.dropout(embed(samples.x, self.embedding.weight)))  # [B,T,H]
        logits: Tensor = self.output(self.dropout(features)).squeeze(2)  # [B,T]
        return Scores(torch.where(samples.valid, logits, 0.0), samples.chosen.to(logits))

    def penalty(self) -> Tensor:
        squares = [p.square().sum() for part in (self.lstm, self.output) for p in part.parameters()]
        return self.l2 * 0.5 * torch.stack(squares).sum()
