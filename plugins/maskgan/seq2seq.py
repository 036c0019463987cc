"""What MaskGAN's generator and discriminator are made of: a reader of text with blanks, attention, dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.nn.lstm import LSTM

SPREAD = 0.3
"""Standard deviation of word vectors at the start. With 0.1, what stands behind a blank takes several times as long to
matter; with 1, the logits of tied embeddings start far apart."""


def word_vectors(words: int, size: int) -> nn.Embedding:
    """A table of [words, size] at its start."""
    table = nn.Embedding(words, size)
    nn.init.normal_(table.weight, std=SPREAD)
    return table


class Masked(nn.Module):
    """m(x): the vectors of the tokens that are shown, and one learned vector in the place of all others."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.blank = nn.Parameter(SPREAD * torch.randn(size))

    def forward(self, vectors: Tensor, shown: Tensor) -> Tensor:
        """vectors: [B,T,E], shown: [B,T] -> [B,T,E]."""
        return torch.where(shown.unsqueeze(2), vectors, self.blank)


class Reader(nn.Module):
    """LSTMs that read a text from both sides, half of the state for each; padding is read by neither.

    Args:
        size: of what is read.
        hidden: of what is said of each place, an even number.
        layers: LSTM layers on each side.
    """

    def __init__(self, size: int, hidden: int, layers: int) -> None:
        super().__init__()
        if hidden % 2:
            raise ValueError(f"hidden_dim must be even, since half of it reads from each side, not {hidden}")
        self.forwards = LSTM(size, hidden // 2, layers)
        self.backwards = LSTM(size, hidden // 2, layers)

    def forward(self, vectors: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """vectors: [B,T,E], valid: [B,T] -> what is said of each place [B,T,H], and of the whole [B,H]."""
        length = valid.sum(1, keepdim=True)
        place = torch.arange(valid.shape[1], device=valid.device).expand_as(valid)
        mirror = torch.where(place < length, length - 1 - place, place)  # [B,T], its own inverse
        ahead, _ = self.forwards(vectors)
        behind = _at(self.backwards(_at(vectors, mirror))[0], mirror)
        last = _at(ahead, (length - 1).clamp_min(0))[:, 0]
        return torch.cat([ahead, behind], 2), torch.cat([last, behind[:, 0]], 1)


class Start(nn.Module):
    """The state in which a decoder begins, from what a reader says of the whole."""

    def __init__(self, hidden: int, layers: int) -> None:
        super().__init__()
        self.layers = layers
        self.map = nn.Linear(hidden, 2 * layers * hidden)

    def forward(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """[B,H] -> hidden and cell, each [B,L,H]."""
        hidden, cell = self.map(whole).view(len(whole), 2 * self.layers, -1).chunk(2, 1)
        return hidden.tanh(), cell


class Attention(nn.Module):
    """Global attention with the "general" score (Luong et al. 2015, arXiv:1508.04025): tanh(W [context; state])."""

    def __init__(self, hidden: int, out: int) -> None:
        super().__init__()
        self.score = nn.Linear(hidden, hidden, bias=False)
        self.combine = nn.Linear(2 * hidden, out, bias=False)

    def forward(self, states: Tensor, memory: Tensor, readable: Tensor) -> Tensor:
        """states: [B,S,H], memory: [B,T,H], readable: [B,T] bool -> [B,S,out]."""
        scores = self.score(states) @ memory.transpose(1, 2)  # [B,S,T]
        context = scores.masked_fill(~readable.unsqueeze(1), -1e4).softmax(2) @ memory
        combined: Tensor = self.combine(torch.cat([context, states], 2))
        return combined.tanh()


class LockedDropout(nn.Module):
    """Dropout with one pattern for all positions of a text (Gal and Ghahramani 2016, arXiv:1512.05287)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """[B,S,H] -> [B,S,H]."""
        if not self.training or not self.rate:
            return x
        return x * functional.dropout(torch.ones_like(x[:, :1]), self.rate)


def beside(vectors: Tensor, memory: Tensor, place: Tensor) -> Tensor:
    """Vectors [B,S,E] and, beside each, what is said of its place [B,S] in memory [B,T,H] -> [B,S,E+H]."""
    return torch.cat([vectors, _at(memory, place)], 2)


def _at(x: Tensor, place: Tensor) -> Tensor:
    """x [B,T,H] at the places [B,S] -> [B,S,H]."""
    return x.gather(1, place.unsqueeze(2).expand(-1, -1, x.shape[2]))
