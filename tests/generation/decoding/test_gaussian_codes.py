from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.roles import TokenSampler
from textgan.core.types import Batch, Samples
from textgan.data.corpus import Split
from textgan.generation.decoding.gaussian_codes import GaussianCodes
from textgan.testing.fixtures import GaussianCodes as Codes  # a generator of codes, without text


class Numbers(Codes):
    """Codes are affine in the tokens; what is written is kept, to be looked at."""

    written: Tensor

    def encode(self, batch: Batch) -> Tensor:
        return batch.tokens @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0]]) + torch.tensor([0.0, 0.0, 4.0])

    def write(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        self.written = codes
        return Samples(batch.tokens, batch.valid, batch.valid)


def corpus(rows: int) -> Any:
    torch.manual_seed(0)
    tokens = torch.randn(rows, 2) * torch.tensor([1.0, 3.0]) + torch.tensor([2.0, -1.0])
    valid = torch.ones(rows, 2, dtype=torch.bool)
    return SimpleNamespace(train=Split(Batch(tokens, valid, ~valid), [""] * rows))


def test_draws_have_the_mean_and_the_covariance_of_the_codes() -> None:
    generator, data = Numbers(3), corpus(5000)
    codes = generator.encode(data.train.batch)
    GaussianCodes(data)(generator, Batch.blank(200_000, 2))
    torch.testing.assert_close(generator.written.mean(0), codes.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(generator.written.T.cov(), codes.T.cov(), atol=0.1, rtol=0.02)
    assert generator.written[:, 2].std() < 1e-5, "where codes have no spread, draws have none"


def test_only_so_many_sentences_are_looked_at() -> None:
    generator, data = Numbers(3), corpus(5000)
    mean, _ = GaussianCodes(data, 100).fit(generator, torch.device("cpu"))
    torch.testing.assert_close(mean, generator.encode(data.train.batch[:100]).mean(0))


def test_nothing_to_fit_is_told() -> None:
    with pytest.raises(UserError, match="found 1"):
        GaussianCodes(corpus(1))(Numbers(3), Batch.blank(2, 2))
