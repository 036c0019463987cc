"""Estimates a state's value: the expected reward of the rest of a sequence, from its past."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textgan.core.types import Samples, Vocabulary
from textgan.nn.lstm import LSTM


class ValueNetwork(nn.Module):
    """An LSTM with its own embeddings that estimates the value of each position before its token is chosen, [B,T].

    At position t it reads the token before, and the token at t if that is given, else a blank. So the value does not
    depend on the action, and subtracting it does not change the expected policy gradient.

    Args:
        vocab: the generator's vocabulary.
        embed_dim: size of each of the two embeddings.
        hidden_dim: size of the state.
    """

    def __init__(self, vocab: Vocabulary, embed_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.bos, self.blank = vocab.bos, vocab.size
        self.before = nn.Embedding(vocab.size, embed_dim)
        self.given = nn.Embedding(vocab.size + 1, embed_dim)
        self.lstm = LSTM(2 * embed_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, 1)

    def forward(self, samples: Samples) -> Tensor:
        """Computes the value of the state before each token, [B,T], 0 after the end."""
        x, chosen, valid = samples.x, samples.chosen, samples.valid
        before = torch.cat([torch.full_like(x[:, :1], self.bos), x[:, :-1]], 1)  # [B,T]
        given = torch.where(valid & ~chosen, x, self.blank)
        features, _ = self.lstm(torch.cat([self.before(before), self.given(given)], 2))  # [B,T,H]
        return torch.where(valid, self.output(features).squeeze(2), 0.0)
