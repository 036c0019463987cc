"""A small language model that judges text: trained here, on whatever text it is to speak for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ROWS = 256
"""Sentences of a training step, and of a piece that is scored."""


class LanguageModel(nn.Module):
    """An LSTM over word embeddings.

    Args:
        words: V; one more id is its start.
        embed_dim, hidden_dim: sizes.
    """

    def __init__(self, words: int, embed_dim: int = 64, hidden_dim: int = 128) -> None:
        super().__init__()
        self.start = words
        self.embedding = nn.Embedding(words + 1, embed_dim)
        self.lstm = nn.LSTM(embed_dim, hidden_dim, batch_first=True)
        self.output = nn.Linear(hidden_dim, words)

    def forward(self, tokens: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """-log p of each token, [B,T], 0 where not valid, and what was read up to it, [B,T,H]."""
        before = torch.cat([torch.full_like(tokens[:, :1], self.start), tokens[:, :-1]], 1)
        features, _ = self.lstm(self.embedding(before))
        nll = functional.cross_entropy(self.output(features[valid]), tokens[valid], reduction="none")
        return torch.zeros_like(features[..., 0]).masked_scatter(valid, nll), features

    def fit(self, tokens: Tensor, valid: Tensor, steps: int, lr: float = 5e-3) -> LanguageModel:
        """Trains by likelihood on all rows, in random order, with Adam and a step size that falls to 0."""
        optimizer = torch.optim.Adam(self.parameters(), lr)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
        with torch.enable_grad():
            for _ in range(steps):
                rows = torch.randint(len(tokens), (min(ROWS, len(tokens)),), device=tokens.device)
                nll, _ = self(tokens[rows], valid[rows])
                optimizer.zero_grad()
                (nll.sum() / valid[rows].sum()).backward()
                nn.utils.clip_grad_norm_(self.parameters(), 5.0)
                optimizer.step()
                schedule.step()
        return self.eval()

    @torch.no_grad()
    def nll(self, tokens: Tensor, valid: Tensor) -> float:
        """Nats per token that is valid."""
        pieces = zip(tokens.split(ROWS), valid.split(ROWS), strict=True)
        total = sum(float(self(rows, here)[0].double().sum()) for rows, here in pieces)
        return total / max(1, int(valid.sum()))

    @torch.no_grad()
    def represent(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """A vector for each sentence, the mean of what was read, [N,H]."""
        found = []
        for rows, here in zip(tokens.split(ROWS), valid.split(ROWS), strict=True):
            _, features = self(rows, here)
            found.append((features * here.unsqueeze(2)).sum(1) / here.sum(1, keepdim=True).clamp_min(1))
        return torch.cat(found)
