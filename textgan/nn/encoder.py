"""Encodes a sequence as one vector, the final state of an LSTM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from textgan.nn.embedding import embed
from textgan.nn.lstm import LSTM


class LstmEncoder(nn.Module):
    """Embeds tokens and runs an LSTM from left to right; returns its state after the last valid token.

    Padding has no effect: an LSTM does not look ahead, and states after the last valid token are not used. So sequences
    need not be packed, and their lengths need not be copied to the host.

    Args:
        size: number of ids.
        embed_dim: size of a token's embedding.
        hidden_dim: size of the state, which is returned.
    """

    def __init__(self, size: int, embed_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, embed_dim)
        self.lstm = LSTM(embed_dim, hidden_dim)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Encodes sequences, -> [B,H]; an empty sequence gives zeros.

        Args:
            x: ids [B,T], or points of the simplex [B,T,V].
            valid: [B,T], True up to a sequence's end. A valid end-of-sequence id is read like any other token.
        """
        states, _ = self.lstm(embed(x, self.embedding.weight))  # [B,T,H]
        lengths = valid.sum(1)  # [B]
        last: Tensor = states[torch.arange(len(x), device=x.device), (lengths - 1).clamp_min(0)]  # [B,H]
        return last * (lengths > 0).unsqueeze(1)
