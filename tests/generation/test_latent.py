"""Interpolates, reconstructs and imputes with generators whose codes and distributions are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from textgan.core.roles import TokenSampler
from textgan.core.types import Batch, Samples
from textgan.generation import latent
from textgan.generation.autoregressive import Autoregressive
from textgan.testing import TabularGenerator, enumerate_sequences, tiny_vocabulary

LENGTH = 4


class Counting(TabularGenerator):
    """Its code is the number of tokens 2; it decodes a code to that many tokens 2, followed by tokens 1."""

    capabilities = Autoregressive.capabilities | {"codes"}
    code_dim = 1

    def encode(self, batch: Batch) -> Tensor:
        return ((batch.tokens == 2) & batch.valid).sum(1, keepdim=True).float()

    def decode_codes(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        positions = torch.arange(batch.tokens.shape[1])
        tokens = torch.where(positions < codes.round(), 2, 1)
        tokens = torch.where(batch.given, batch.tokens, tokens)
        return Samples(tokens, torch.ones_like(batch.valid), ~batch.given)


class WithPosterior(Counting):
    """The same with a posterior of large variance."""

    capabilities = Counting.capabilities | {"posterior"}

    def posterior(self, batch: Batch) -> tuple[Tensor, Tensor]:
        mean = self.encode(batch)
        return mean, torch.full_like(mean, 2.0)


def batch(*rows: list[int]) -> Batch:
    tokens = torch.tensor(rows)
    return Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.ones_like(tokens, dtype=torch.bool))


def test_interpolation_is_linear_and_includes_both_ends() -> None:
    generator = Counting(tiny_vocabulary(4), LENGTH)
    path = latent.interpolate(generator, batch([2, 2, 2, 2], [1, 3, 1, 1]), 5, LENGTH)
    assert (path.x == 2).sum(1).tolist() == [4, 3, 2, 1, 0]
    assert path.chosen.all()


def test_reconstruction_is_the_mean_code_then_samples_of_the_posterior() -> None:
    once = latent.reconstruct(Counting(tiny_vocabulary(4), LENGTH), batch([2, 1, 2, 1]), 6, LENGTH)
    assert once.x.tolist() == [[2, 2, 1, 1]]
    torch.manual_seed(0)
    several = latent.reconstruct(WithPosterior(tiny_vocabulary(4), LENGTH), batch([2, 1, 2, 1]), 30, LENGTH).x
    assert several[0].tolist() == [2, 2, 1, 1]
    assert len(several) == 30
    assert len(several.unique(dim=0)) > 2


@pytest.mark.parametrize("end", [False, True])
def test_impute_finds_the_most_likely_fillings_in_order(end: bool) -> None:
    """Against all sequences: tokens after a blank count, and no blank is the end or a forbidden token."""
    vocab, forbidden = tiny_vocabulary(5, end), [1]
    generator = TabularGenerator(vocab, LENGTH, spread=2.0)
    tokens = torch.tensor([[0, 2, 0, 4 if end else 3]])
    given = torch.tensor([[False, True, False, True]])
    torch.manual_seed(0)
    excluded = [*forbidden, 4] if end else forbidden
    found = latent.impute(generator, Batch(tokens, torch.ones_like(given), given), 4, excluded)
    every = enumerate_sequences(vocab, LENGTH)
    fits = every.valid.all(1) & (every.x == tokens)[:, given[0]].all(1)
    fits &= ~torch.isin(every.x[:, ~given[0]], torch.tensor(excluded)).any(1)
    expected = every[fits]
    order = generator.log_prob(expected).sum(1).argsort(descending=True)
    assert found.x.tolist() == expected.x[order][:4].tolist()
    assert torch.equal(found.chosen, ~given.expand(4, -1))


def test_impute_decodes_proposals_from_the_codes_of_the_best() -> None:
    """More tokens 2 are more likely, and only the posterior of sentences found so far leads to them."""
    generator = WithPosterior(tiny_vocabulary(4), LENGTH, spread=0.0)
    with torch.no_grad():
        generator.table[:, 2] = 3.0
    zeros = torch.zeros(latent.PROPOSALS, 1)
    generator.sample = lambda batch, token_sampler=None: generator.decode_codes(zeros, batch)  # type: ignore[method-assign]
    template = batch([0, 0, 0, 3])
    template.given[:, :3] = False
    torch.manual_seed(0)
    assert latent.impute(generator, template, 1, []).x.tolist() == [[2, 2, 2, 3]]


def test_impute_averages_the_log_probability_of_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Bound(TabularGenerator):
        bound = True

        def log_prob(self, samples: Samples) -> Tensor:
            calls.append(len(samples))
            return super().log_prob(samples) + 0.5 * torch.randn(len(samples), 1)

    monkeypatch.setattr(latent, "ROUNDS", 0)
    template = batch([0, 1, 2, 3])
    template.given[:, 0] = False
    latent.impute(Bound(tiny_vocabulary(4), LENGTH), template, 1, [])
    assert len(calls) == latent.PASSES
