"""Defines the roles around data: sources of text, oracles and blanks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from textgan.core.types import Batch
from textgan.data.tokenizers.base import Tokenizer


class Blanks(ABC):
    """Chooses which tokens of real text a generator is given during training; it fills in the others."""

    @abstractmethod
    def given(self, batch: Batch, rng: torch.Generator, index: int) -> Tensor:
        """Returns [B,T] bool, True where the token is given; never on padding.

        Args:
            batch: real text, [B,T].
            rng: the source of all random numbers, on the CPU: a run must be resumable at any batch.
            index: the number of batches before this one, for rates that change.
        """


class Oracle(ABC):
    """A known distribution, so that generated text can be scored exactly."""

    entropy: float
    """Nats per token of its own text: a generator without collapse does not score below it."""

    @abstractmethod
    def log_prob(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Computes log p of whole sequences, [B]. tokens, valid: [B,T] in the corpus's ids."""

    def grammatical(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Returns [B] bool, True for sequences of the language; for sources with the capability "grammar"."""
        raise NotImplementedError(f"{type(self).__name__} has no grammar")


@dataclass(frozen=True)
class Raw:
    """The lines of text that a source reads, before tokenisation.

    Sources of ready ids write them as numbers between spaces and bring their own `tokenizer`.
    """

    train: Sequence[str]
    validation: Sequence[str]
    test: Sequence[str]
    tokenizer: Tokenizer | None = None
    notes: Mapping[str, int] = field(default_factory=dict)
    """Counts of what was found and left out: {"empty lines left out": 3}."""


class Source(ABC):
    """Reads or generates text. Deterministic in its options and the seed."""

    capabilities: ClassVar[frozenset[str]] = frozenset()
    """What metrics may require: {"oracle", "grammar"}."""
    output_type: ClassVar[Literal["text", "ids"]] = "text"
    """Text needs a tokenizer; ids bring their own."""

    @abstractmethod
    def read(self, seed: int) -> Raw:
        """Returns the lines of all splits."""

    def oracle(self, tokenizer: Tokenizer) -> Oracle | None:
        """Returns the known distribution over the corpus's ids; for sources with the capability "oracle"."""
        return None
