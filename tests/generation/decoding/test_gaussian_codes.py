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
from textgan.generation.decoding import gaussian_codes
from textgan.generation.decoding.gaussian_codes import GaussianCodes
from textgan.testing.fixtures import GaussianCodes as Codes  # a generator of codes, without text


class AffineCodes(Codes):
    """Its codes are affine in the tokens; it records the codes that it is asked to decode."""

    decoded: Tensor

    def encode(self, batch: Batch) -> Tensor:
        return batch.tokens @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0]]) + torch.tensor([0.0, 0.0, 4.0])

    def decode_codes(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        self.decoded = codes
        return Samples(batch.tokens, batch.valid, batch.valid)


def corpus(rows: int) -> Any:
    torch.manual_seed(0)
    tokens = torch.randn(rows, 2) * torch.tensor([1.0, 3.0]) + torch.tensor([2.0, -1.0])
    valid = torch.ones(rows, 2, dtype=torch.bool)
    return SimpleNamespace(train=Split(Batch(tokens, valid, ~valid), [""] * rows))


def test_samples_have_the_mean_and_the_covariance_of_the_codes() -> None:
    generator, data = AffineCodes(3), corpus(5000)
    codes = generator.encode(data.train.batch)
    GaussianCodes(data)(generator, Batch.blank(200_000, 2))
    torch.testing.assert_close(generator.decoded.mean(0), codes.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(generator.decoded.T.cov(), codes.T.cov(), atol=0.1, rtol=0.02)
    assert generator.decoded[:, 2].std() < 1e-5, "a coordinate of zero variance must keep zero variance"


def test_the_distribution_is_fitted_to_the_first_sentences() -> None:
    generator, data = AffineCodes(3), corpus(5000)
    mean, _ = GaussianCodes(data, 100).fit(generator, torch.device("cpu"))
    torch.testing.assert_close(mean, generator.encode(data.train.batch[:100]).mean(0))


def test_encoding_in_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, decoding = AffineCodes(3), GaussianCodes(corpus(50))
    whole = decoding.fit(generator, torch.device("cpu"))
    monkeypatch.setattr(gaussian_codes, "ROWS", 7)
    for one, other in zip(whole, decoding.fit(generator, torch.device("cpu")), strict=True):
        torch.testing.assert_close(one, other)


def test_a_single_sentence_is_refused() -> None:
    with pytest.raises(UserError, match=r"decoding=gaussian_codes: 1 training sentences are too few"):
        GaussianCodes(corpus(1))(AffineCodes(3), Batch.blank(2, 2))
