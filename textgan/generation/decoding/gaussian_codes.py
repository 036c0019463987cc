"""Decodes latent codes that are sampled from a normal distribution fitted to the codes of real text."""

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
"""Sentences to encode at once."""


class GaussianCodes(Decoding):
    """Fits a normal distribution to the codes of real sentences, samples codes from it and decodes them greedily.

    This is the cheapest way to sample from an autoencoder, and the baseline for a generator of codes. It uses the mean
    and the covariance of the real codes, and only `encode` and `decode_codes` of the generator.

    Args:
        sentences: number of training sentences to fit the distribution to, from the first on.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"codes"})

    def __init__(self, corpus: Corpus, sentences: PositiveInt = 10_000) -> None:
        self.real = corpus.train.batch[:sentences]

    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        mean, factor = self.fit(generator, batch.tokens.device)
        noise = torch.randn(len(batch), len(mean), device=mean.device)
        return generator.decode_codes(mean + noise @ factor.T, batch, greedy)

    def fit(self, generator: Generator, device: torch.device) -> tuple[Tensor, Tensor]:
        """Estimates the mean [Z] of the codes, and a factor F [Z,Z] of their covariance: F @ F.T.

        Args:
            generator: a generator with the capability "codes".
            device: where to encode the sentences.

        Raises:
            UserError: if there are fewer than two training sentences.
        """
        if len(self.real) < 2:
            raise UserError(
                f"decoding=gaussian_codes: {len(self.real)} training sentences are too few to fit a covariance; "
                "expected at least 2; use more training text or another decoding"
            )
        chunks = range(0, len(self.real), ROWS)
        codes = torch.cat([generator.encode(self.real[i : i + ROWS].to(device)) for i in chunks]).double()  # [N,Z]
        value, vector = torch.linalg.eigh(codes.T.cov().view(codes.shape[1], -1))
        factor = vector * value.clamp_min(0).sqrt()  # a direction of zero variance keeps zero variance
        return codes.mean(0).float(), factor.float()
