"""A sentence as one vector: the state of an LSTM that has read all of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textgan.nn.lstm import LSTM
from textgan.nn.embedding import embed


class LstmEncoder(nn.Module):
    """Word embeddings and an LSTM that reads from left to right; what it gives is its state behind the last word.

    Padding changes nothing, wherever its ids come from: nothing behind a sentence's last valid word is looked at, and
    an LSTM cannot look ahead. So no sequence is packed, and no length is asked for on the way.

    Args:
        size: number of ids.
        embed_dim: size of a word's embedding.
        hidden_dim: size of the state, and of what is given.
    """

    def __init__(self, size: int, embed_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, embed_dim)
        self.lstm = LSTM(embed_dim, hidden_dim)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """x: ids [B,T] or simplex [B,T,V]; valid: [B,T], True up to a sentence's end -> [B,H], all zero if it is empty.

        The end-of-sequence id is read like a word where it is valid.
        """
        states, _ = self.lstm(embed(x, self.embedding.weight))  # [B,T,H]
        lengths = valid.sum(1)  # [B]
        last: Tensor = states[torch.arange(len(x), device=x.device), (lengths - 1).clamp_min(0)]  # [B,H]
        return last * (lengths > 0).unsqueeze(1)
