"""Defines the layers of MaskGAN's generator and discriminator: an encoder of text with blanks, attention, dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.nn.lstm import LSTM

EMBEDDING_STD = 0.3
"""Initial standard deviation of token embeddings. With 0.1, tokens after a blank take several times as many steps to
have an effect; with 1, the initial logits of tied embeddings are far apart."""


def token_embedding(size: int, dim: int) -> nn.Embedding:
    """Creates an embedding table, initialised from N(0, EMBEDDING_STD).

    Args:
        size: number of ids.
        dim: size of each embedding.
    """
    table = nn.Embedding(size, dim)
    nn.init.normal_(table.weight, std=EMBEDDING_STD)
    return table


class BlankEmbedding(nn.Module):
    """Computes m(x): the embeddings of given tokens, and one learned vector for all other positions.

    Args:
        dim: size of an embedding.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.blank = nn.Parameter(EMBEDDING_STD * torch.randn(dim))

    def forward(self, embedded: Tensor, given: Tensor) -> Tensor:
        """Replaces the embeddings of positions that are not given, -> [B,T,E].

        Args:
            embedded: [B,T,E].
            given: [B,T] bool.
        """
        return torch.where(given.unsqueeze(2), embedded, self.blank)


class BidirectionalEncoder(nn.Module):
    """Encodes a text with one LSTM from each side; each has half of the features. Padding has no effect.

    Args:
        input_dim: size of the inputs.
        hidden_dim: size of the features, an even number.
        layers: number of LSTM layers in each direction.

    Raises:
        ValueError: if `hidden_dim` is odd.
    """

    def __init__(self, input_dim: int, hidden_dim: int, layers: int) -> None:
        super().__init__()
        if hidden_dim % 2:
            raise ValueError(
                f"hidden_dim={hidden_dim}: odd; expected an even number, half of it for each direction; "
                f"use {hidden_dim + 1}"
            )
        self.forward_lstm = LSTM(input_dim, hidden_dim // 2, layers)
        self.backward_lstm = LSTM(input_dim, hidden_dim // 2, layers)

    def forward(self, embedded: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes texts.

        Args:
            embedded: [B,T,E].
            valid: [B,T] bool.

        Returns:
            The features of each position, [B,T,H], and those of the whole text, [B,H]: the last state of each LSTM.
        """
        length = valid.sum(1, keepdim=True)
        position = torch.arange(valid.shape[1], device=valid.device).expand_as(valid)
        mirror = torch.where(position < length, length - 1 - position, position)  # [B,T], its own inverse
        left, _ = self.forward_lstm(embedded)
        right = _gather(self.backward_lstm(_gather(embedded, mirror))[0], mirror)
        last = _gather(left, (length - 1).clamp_min(0))[:, 0]
        return torch.cat([left, right], 2), torch.cat([last, right[:, 0]], 1)


class InitialState(nn.Module):
    """Maps the encoder's features of the whole text to the decoder's initial state.

    Args:
        hidden_dim: size of the features and of the state.
        layers: number of the decoder's layers.
    """

    def __init__(self, hidden_dim: int, layers: int) -> None:
        super().__init__()
        self.layers = layers
        self.linear = nn.Linear(hidden_dim, 2 * layers * hidden_dim)

    def forward(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the hidden state and the cell, [B,L,H] each, from features [B,H]."""
        hidden, cell = self.linear(whole).view(len(whole), 2 * self.layers, -1).chunk(2, 1)
        return hidden.tanh(), cell


class Attention(nn.Module):
    """Global attention with the "general" score (Luong et al. 2015, arXiv:1508.04025): tanh(W [context; state]).

    Args:
        hidden_dim: size of states and memory.
        output_dim: size of the output.
    """

    def __init__(self, hidden_dim: int, output_dim: int) -> None:
        super().__init__()
        self.score = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.combine = nn.Linear(2 * hidden_dim, output_dim, bias=False)

    def forward(self, states: Tensor, memory: Tensor, attended: Tensor) -> Tensor:
        """Attends from each state to the memory, -> [B,S,out].

        Args:
            states: [B,S,H], the queries.
            memory: [B,T,H], the keys and values.
            attended: [B,T] bool, the positions of the memory that may be attended to.
        """
        scores = self.score(states) @ memory.transpose(1, 2)  # [B,S,T]
        context = scores.masked_fill(~attended.unsqueeze(1), -1e4).softmax(2) @ memory
        combined: Tensor = self.combine(torch.cat([context, states], 2))
        return combined.tanh()


class LockedDropout(nn.Module):
    """Dropout with the same mask at all positions of a text (Gal and Ghahramani 2016, arXiv:1512.05287).

    Args:
        rate: probability that a feature is set to zero.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Applies dropout to features, [B,S,H] -> [B,S,H]."""
        if not self.training or not self.rate:
            return x
        return x * functional.dropout(torch.ones_like(x[:, :1]), self.rate)


def append_memory(embedded: Tensor, memory: Tensor, position: Tensor) -> Tensor:
    """Appends the memory of its position to each embedding, -> [B,S,E+H].

    Args:
        embedded: [B,S,E].
        memory: [B,T,H], the encoder's features.
        position: [B,S], of each embedding in the text.
    """
    return torch.cat([embedded, _gather(memory, position)], 2)


def _gather(x: Tensor, position: Tensor) -> Tensor:
    """Selects positions [B,S] of x [B,T,H] -> [B,S,H]."""
    return x.gather(1, position.unsqueeze(2).expand(-1, -1, x.shape[2]))
