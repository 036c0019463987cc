"""A state's value: what a text is expected to earn from here on, told from its past alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textgan.nn.lstm import LSTM
from textgan.core.types import Samples, Vocabulary


class ValueNetwork(nn.Module):
    """An LSTM with embeddings of its own that values each position before its token is chosen, [B,T].

    At position t it reads the token before, and what is given at t: the token if it is given there, else a blank. So
    the value never depends on the action, and subtracting it leaves the expected policy gradient as it is.
    """

    def __init__(self, vocab: Vocabulary, embed_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.bos, self.blank = vocab.bos, vocab.size
        self.before = nn.Embedding(vocab.size, embed_dim)
        self.given = nn.Embedding(vocab.size + 1, embed_dim)
        self.lstm = LSTM(2 * embed_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, 1)

    def forward(self, samples: Samples) -> Tensor:
        """The value of the state before each token, [B,T], 0 behind the end."""
        x, chosen, valid = samples.x, samples.chosen, samples.valid
        before = torch.cat([torch.full_like(x[:, :1], self.bos), x[:, :-1]], 1)  # [B,T]
        given = torch.where(valid & ~chosen, x, self.blank)
        features, _ = self.lstm(torch.cat([self.before(before), self.given(given)], 2))  # [B,T,H]
        return torch.where(valid, self.output(features).squeeze(2), 0.0)
