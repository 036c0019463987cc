"""Plain PyTorch implementations of the measured steps, as a baseline for the toolkit.

One roll-out after another, one prefix after another, `torch.multinomial`, `nn.Conv1d`: no optimizations. Nothing is
wasted either: sequences are batched, and no gradient is computed that is not used.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class PlainLstm(nn.Module):
    """An LSTM language model that takes one step at a time."""

    def __init__(self, vocab_size: int, embed: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed)
        self.cell = nn.LSTMCell(embed, hidden)
        self.output = nn.Linear(hidden, vocab_size)

    def step(self, token: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        state = self.cell(self.embedding(token), state)
        return self.output(state[0]), state

    def start(self, rows: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        zeros = self.output.weight.new_zeros(rows, self.cell.hidden_size)
        return torch.zeros(rows, dtype=torch.long), (zeros, zeros)

    @torch.no_grad()
    def sample(self, rows: int, length: int, prefix: Tensor | None = None) -> Tensor:
        """Samples sequences [rows,length]; those with a prefix [rows,t] continue it."""
        token, state = self.start(rows)
        outputs = []
        for t in range(length):
            logits, state = self.step(token, state)
            known = prefix is not None and t < prefix.shape[1]
            token = prefix[:, t] if known and prefix is not None else torch.multinomial(logits.softmax(1), 1)[:, 0]
            outputs.append(token)
        return torch.stack(outputs, 1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Computes log p of each token, [B,T]."""
        token, state = self.start(len(x))
        outputs = []
        for t in range(x.shape[1]):
            logits, state = self.step(token, state)
            token = x[:, t]
            outputs.append(logits.log_softmax(1).gather(1, token[:, None])[:, 0])
        return torch.stack(outputs, 1)


class PlainCnn(nn.Module):
    """SeqGAN's convolutional discriminator."""

    def __init__(self, vocab_size: int, embed: int, widths: list[int], filters: list[int]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed)
        self.convolutions = nn.ModuleList(nn.Conv1d(embed, n, w) for w, n in zip(widths, filters, strict=True))
        size = sum(filters)
        self.gate, self.transform = nn.Linear(size, size), nn.Linear(size, size)
        self.output = nn.Linear(size, 1)

    def forward(self, x: Tensor) -> Tensor:
        embedded = self.embedding(x).transpose(1, 2)
        pooled = torch.cat([functional.relu(c(embedded)).amax(2) for c in self.convolutions], 1)
        gate = self.gate(pooled).sigmoid()
        logits: Tensor = self.output(gate * functional.relu(self.transform(pooled)) + (1 - gate) * pooled)
        return logits


def adversarial_step(
    generator: PlainLstm,
    discriminator: PlainCnn,
    optimizer: torch.optim.Optimizer,
    rows: int,
    length: int,
    rollouts: int,
) -> None:
    """Samples, completes each prefix `rollouts` times, scores the completions and takes a policy-gradient step."""
    x = generator.sample(rows, length)
    value = torch.zeros(rows, length)
    with torch.no_grad():
        for t in range(1, length):
            for _ in range(rollouts):
                value[:, t - 1] += discriminator(generator.sample(rows, length, x[:, :t])).sigmoid()[:, 0] / rollouts
        value[:, -1] = discriminator(x).sigmoid()[:, 0]
    optimizer.zero_grad()
    (-(generator.log_prob(x) * value).sum()).backward()
    nn.utils.clip_grad_norm_(generator.parameters(), 5.0)
    optimizer.step()


def discriminator_step(discriminator: PlainCnn, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor) -> None:
    """Takes a step on real and fake sequences."""
    logits = discriminator(torch.cat([real, fake]))[:, 0]
    target = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    optimizer.zero_grad()
    functional.binary_cross_entropy_with_logits(logits, target).backward()
    optimizer.step()


def likelihood_step(generator: PlainLstm, optimizer: torch.optim.Optimizer, real: Tensor) -> None:
    """Takes a step on real sequences."""
    optimizer.zero_grad()
    (-generator.log_prob(real).mean()).backward()
    nn.utils.clip_grad_norm_(generator.parameters(), 5.0)
    optimizer.step()
