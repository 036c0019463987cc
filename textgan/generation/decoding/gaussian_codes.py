"""Writing from codes that a normal distribution gives, instead of from a generator's own."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.core.roles import Decoding, Generator
from textgan.core.types import Batch, Samples
from textgan.data.corpus import Corpus
from textgan.generation.token_samplers import greedy

ROWS = 2000
"""Sentences that are encoded at once."""


class GaussianCodes(Decoding):
    """Fits a normal distribution to the codes of real sentences and writes from its draws, greedily.

    The cheapest way to sample from an autoencoder, and what a generator of codes must beat: it knows their mean and
    their covariance, and nothing else. No part of the generator is used but its `encode` and `write`.

    Args:
        sentences: how many of the training text, the first, it is fitted to.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"codes"})

    def __init__(self, corpus: Corpus, sentences: PositiveInt = 10_000) -> None:
        self.real = corpus.train.batch[:sentences]

    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        mean, spread = self.fit(generator, batch.tokens.device)
        noise = torch.randn(len(batch), len(mean), device=mean.device)
        return generator.decode_codes(mean + noise @ spread.T, batch, greedy)

    def fit(self, generator: Generator, device: torch.device) -> tuple[Tensor, Tensor]:
        """Mean [Z] of the codes, and a matrix [Z,Z] whose product with its transpose is their covariance."""
        if len(self.real) < 2:
            raise UserError(f"gaussian_codes is fitted to the codes of training text and found {len(self.real)} of it")
        pieces = range(0, len(self.real), ROWS)
        codes = torch.cat([generator.encode(self.real[i : i + ROWS].to(device)) for i in pieces]).double()  # [N,Z]
        value, vector = torch.linalg.eigh(codes.T.cov().view(codes.shape[1], -1))
        spread = vector * value.clamp_min(0).sqrt()  # a direction without spread stays without
        return codes.mean(0).float(), spread.float()
