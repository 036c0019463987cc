"""Defines the data that components exchange.

Shapes: B sequences, T positions, V tokens in the vocabulary, K scores a sequence (1 or T).
A boolean tensor says what True means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Space = Literal["ids", "simplex", "latent"]


@dataclass(frozen=True)
class Vocabulary:
    """The ids that a generator reads and generates.

    Args:
        size: number of ids, special ones included.
        bos: the id that a generator reads before the first token.
        eos: the id that ends a sequence, or None if every sequence has the full length.
        pad: the id that fills the positions after the end.
        forbidden_ids: ids that no generator may produce (padding; bos, unless it is an ordinary token).
    """

    size: int
    bos: int
    eos: int | None
    pad: int
    forbidden_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Real sequences.

    Args:
        tokens: [B,T] long.
        valid: [B,T] bool, False on padding; the end-of-sequence id itself is valid.
        given: [B,T] bool, True where the generator is shown the token: a prompt, or the text around blanks.
    """

    tokens: Tensor
    valid: Tensor
    given: Tensor

    @classmethod
    def blank(cls, count: int, length: int, device: torch.device | str = "cpu") -> Batch:
        """Returns a batch with nothing given: `count` sequences of up to `length` tokens, all to be generated."""
        tokens = torch.zeros(count, length, dtype=torch.long, device=device)
        return cls(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))

    @classmethod
    def cat(cls, batches: Sequence[Batch]) -> Batch:
        """Joins the rows of batches of equal length."""
        return cls(*(torch.cat(parts) for parts in zip(*((b.tokens, b.valid, b.given) for b in batches), strict=True)))

    def __len__(self) -> int:
        return self.tokens.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> Batch:
        return Batch(self.tokens[rows], self.valid[rows], self.given[rows])

    def to(self, device: torch.device | str) -> Batch:
        """Moves the batch to a device."""
        return Batch(self.tokens.to(device), self.valid.to(device), self.given.to(device))


@dataclass(frozen=True)
class Samples:
    """Sequences as a discriminator reads them, real or generated.

    Args:
        x: [B,T] ids | [B,T,V] simplex | [B,Z] latent.
        valid: [B,T] bool, False after the end of a sequence.
        chosen: [B,T] bool, True where the generator decided: valid and not given.
    """

    x: Tensor
    valid: Tensor
    chosen: Tensor

    def __len__(self) -> int:
        return self.x.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> Samples:
        return Samples(self.x[rows], self.valid[rows], self.chosen[rows])

    def to(self, device: torch.device | str) -> Samples:
        """Moves the samples to a device."""
        return Samples(self.x.to(device), self.valid.to(device), self.chosen.to(device))

    @classmethod
    def cat(cls, samples: Sequence[Samples]) -> Samples:
        """Joins the rows of samples of one space and of equal length."""
        return cls(*(torch.cat(parts) for parts in zip(*((s.x, s.valid, s.chosen) for s in samples), strict=True)))

    def with_x(self, x: Tensor) -> Samples:
        """Returns the same sequences in another space."""
        return replace(self, x=x)


class Scores(NamedTuple):
    """A discriminator's scores.

    Attributes:
        logits: [B,K], high = real. K = 1: one score a sequence; K = T: one a token.
        weight: [B,K], 1 where the score counts, else 0.
    """

    logits: Tensor
    weight: Tensor


class Loss(NamedTuple):
    """One loss of an objective: a scalar to minimise, and statistics to log.

    Attributes:
        value: the scalar to minimise.
        stats: detached scalars that stay on the device until they are logged.
    """

    value: Tensor
    stats: Mapping[str, Tensor]
