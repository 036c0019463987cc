"""Plain implementations of the same steps, as a careful person writes them first, to measure the toolkit beside.

One roll-out after the other, one prefix after the other, `torch.multinomial`, `nn.Conv1d`. No trick, and no waste
either: batches are batches, and no gradient is kept that nobody asks for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class PlainLstm(nn.Module):
    """A language model that is stepped by a cell."""

    def __init__(self, words: int, embed: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embed)
        self.cell = nn.LSTMCell(embed, hidden)
        self.output = nn.Linear(hidden, words)

    def step(self, token: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        state = self.cell(self.embedding(token), state)
        return self.output(state[0]), state

    def begin(self, rows: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        zeros = self.output.weight.new_zeros(rows, self.cell.hidden_size)
        return torch.zeros(rows, dtype=torch.long), (zeros, zeros)

    @torch.no_grad()
    def sample(self, rows: int, length: int, prefix: Tensor | None = None) -> Tensor:
        """[rows,length], continuing prefix [rows,t]."""
        token, state = self.begin(rows)
        found = []
        for t in range(length):
            logits, state = self.step(token, state)
            known = prefix is not None and t < prefix.shape[1]
            token = prefix[:, t] if known and prefix is not None else torch.multinomial(logits.softmax(1), 1)[:, 0]
            found.append(token)
        return torch.stack(found, 1)

    def log_prob(self, x: Tensor) -> Tensor:
        """[B,T]."""
        token, state = self.begin(len(x))
        found = []
        for t in range(x.shape[1]):
            logits, state = self.step(token, state)
            token = x[:, t]
            found.append(logits.log_softmax(1).gather(1, token[:, None])[:, 0])
        return torch.stack(found, 1)


class PlainCnn(nn.Module):
    """SeqGAN's discriminator by convolutions."""

    def __init__(self, words: int, embed: int, widths: list[int], filters: list[int]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embed)
        self.convolutions = nn.ModuleList(nn.Conv1d(embed, n, w) for w, n in zip(widths, filters, strict=True))
        size = sum(filters)
        self.gate, self.transform = nn.Linear(size, size), nn.Linear(size, size)
        self.output = nn.Linear(size, 1)

    def forward(self, x: Tensor) -> Tensor:
        embedded = self.embedding(x).transpose(1, 2)
        pooled = torch.cat([functional.relu(c(embedded)).amax(2) for c in self.convolutions], 1)
        gate = self.gate(pooled).sigmoid()
        return self.output(gate * functional.relu(self.transform(pooled)) + (1 - gate) * pooled)


def adversarial_step(
    generator: PlainLstm, judge: PlainCnn, optimizer: torch.optim.Optimizer, rows: int, length: int, rollouts: int
) -> None:
    """Sample, complete each prefix `rollouts` times, score, step."""
    x = generator.sample(rows, length)
    value = torch.zeros(rows, length)
    with torch.no_grad():
        for t in range(1, length):
            for _ in range(rollouts):
                value[:, t - 1] += judge(generator.sample(rows, length, x[:, :t])).sigmoid()[:, 0] / rollouts
        value[:, -1] = judge(x).sigmoid()[:, 0]
    optimizer.zero_grad()
    (-(generator.log_prob(x) * value).sum()).backward()
    nn.utils.clip_grad_norm_(generator.parameters(), 5.0)
    optimizer.step()


def discriminator_step(judge: PlainCnn, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor) -> None:
    """One step on both."""
    logits = judge(torch.cat([real, fake]))[:, 0]
    target = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))])
    optimizer.zero_grad()
    functional.binary_cross_entropy_with_logits(logits, target).backward()
    optimizer.step()


def likelihood_step(generator: PlainLstm, optimizer: torch.optim.Optimizer, real: Tensor) -> None:
    """One step on real text."""
    optimizer.zero_grad()
    (-generator.log_prob(real).mean()).backward()
    nn.utils.clip_grad_norm_(generator.parameters(), 5.0)
    optimizer.step()
