"""Trains a small language model on a text, to evaluate other text with it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.ops.masked import masked_mean_rows

ROWS = 256
"""Sequences in a training step, and in a chunk that is scored."""


class LanguageModel(nn.Module):
    """An LSTM language model.

    Args:
        vocab_size: V. One more id is the start of a sequence.
        embed_dim: size of a token's embedding.
        hidden_dim: size of the state.
    """

    def __init__(self, vocab_size: int, embed_dim: int = 64, hidden_dim: int = 128) -> None:
        super().__init__()
        self.start = vocab_size
        self.embedding = nn.Embedding(vocab_size + 1, embed_dim)
        self.lstm = nn.LSTM(embed_dim, hidden_dim, batch_first=True)
        self.output = nn.Linear(hidden_dim, vocab_size)

    def forward(self, tokens: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Computes -log p of each token, [B,T], 0 where not valid, and the states before the tokens, [B,T,H].

        Args:
            tokens: ids [B,T].
            valid: [B,T] bool.
        """
        before = torch.cat([torch.full_like(tokens[:, :1], self.start), tokens[:, :-1]], 1)
        features, _ = self.lstm(self.embedding(before))
        nll = functional.cross_entropy(self.output(features[valid]), tokens[valid], reduction="none")
        return torch.zeros_like(features[..., 0]).masked_scatter(valid, nll), features

    def fit(self, tokens: Tensor, valid: Tensor, steps: int, lr: float = 5e-3) -> LanguageModel:
        """Trains by maximum likelihood with Adam and a learning rate that falls linearly to 0.

        Args:
            tokens: ids [N,T]. Each step draws at most `ROWS` of the rows, with replacement.
            valid: [N,T] bool.
            steps: number of optimizer steps.
            lr: the first learning rate.

        Returns:
            The model itself, in evaluation mode.
        """
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
        """Computes the mean negative log-likelihood, in nats per valid token."""
        chunks = zip(tokens.split(ROWS), valid.split(ROWS), strict=True)
        total = sum(float(self(rows, mask)[0].double().sum()) for rows, mask in chunks)
        return total / max(1, int(valid.sum()))

    @torch.no_grad()
    def represent(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Computes a representation of each sequence, the mean of the states at its valid tokens, [N,H]."""
        means = []
        for rows, mask in zip(tokens.split(ROWS), valid.split(ROWS), strict=True):
            _, features = self(rows, mask)
            means.append(masked_mean_rows(features, mask.unsqueeze(2)))
        return torch.cat(means)
