"""Walks, reconstructions and guesses of generators whose codes and laws are known."""

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


class Ruler(TabularGenerator):
    """Its code is how many of the words are word 2; it writes so many of them, then words 1."""

    offers = Autoregressive.capabilities | {"codes"}
    code_dim = 1

    def encode(self, batch: Batch) -> Tensor:
        return ((batch.tokens == 2) & batch.valid).sum(1, keepdim=True).float()

    def write(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        places = torch.arange(batch.tokens.shape[1])
        words = torch.where(places < latent.round(), 2, 1)
        words = torch.where(batch.given, batch.tokens, words)
        return Samples(words, torch.ones_like(batch.valid), ~batch.given)


class Unsure(Ruler):
    """The same with a posterior of a wide spread."""

    offers = Ruler.capabilities | {"posterior"}

    def posterior(self, batch: Batch) -> tuple[Tensor, Tensor]:
        mean = self.encode(batch)
        return mean, torch.full_like(mean, 2.0)


def batch(*rows: list[int]) -> Batch:
    tokens = torch.tensor(rows)
    return Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.ones_like(tokens, dtype=torch.bool))


def test_a_walk_is_straight_and_has_both_ends() -> None:
    generator = Ruler(tiny_vocabulary(4), LENGTH)
    walk = latent.interpolate(generator, batch([2, 2, 2, 2], [1, 3, 1, 1]), 5, LENGTH)
    assert (walk.x == 2).sum(1).tolist() == [4, 3, 2, 1, 0]
    assert walk.chosen.all()


def test_a_sentence_again_then_draws_of_its_posterior() -> None:
    once = latent.reconstruct(Ruler(tiny_vocabulary(4), LENGTH), batch([2, 1, 2, 1]), 6, LENGTH)
    assert once.x.tolist() == [[2, 2, 1, 1]]
    torch.manual_seed(0)
    several = latent.reconstruct(Unsure(tiny_vocabulary(4), LENGTH), batch([2, 1, 2, 1]), 30, LENGTH).x
    assert several[0].tolist() == [2, 2, 1, 1]
    assert len(several) == 30
    assert len(several.unique(dim=0)) > 2


@pytest.mark.parametrize("end", [False, True])
def test_the_likeliest_ways_to_fill_are_found_and_ordered(end: bool) -> None:
    """Against every way there is: what stands behind a blank counts, and no blank is an end or a forbidden word."""
    vocab, forbidden = tiny_vocabulary(5, end), [1]
    generator = TabularGenerator(vocab, LENGTH, spread=2.0)
    tokens = torch.tensor([[0, 2, 0, 4 if end else 3]])
    given = torch.tensor([[False, True, False, True]])
    torch.manual_seed(0)
    bars = [*forbidden, 4] if end else forbidden
    found = latent.impute(generator, Batch(tokens, torch.ones_like(given), given), 4, bars)
    every = enumerate_sequences(vocab, LENGTH)
    fits = every.valid.all(1) & (every.x == tokens)[:, given[0]].all(1)
    fits &= ~torch.isin(every.x[:, ~given[0]], torch.tensor(bars)).any(1)
    right = every[fits]
    order = generator.log_prob(right).sum(1).argsort(descending=True)
    assert found.x.tolist() == right.x[order][:4].tolist()
    assert torch.equal(found.chosen, ~given.expand(4, -1))


def test_guesses_are_written_behind_the_codes_of_the_best() -> None:
    """The law says the more of word 2 the better, and only the codes of what is there say how to get there."""
    generator = Unsure(tiny_vocabulary(4), LENGTH, spread=0.0)
    with torch.no_grad():
        generator.table[:, 2] = 3.0
    generator.sample = lambda several, draw=None: Ruler.write(generator, torch.zeros(len(several.tokens), 1), several)
    template = batch([0, 0, 0, 3])
    template.given[:, :3] = False
    torch.manual_seed(0)
    assert latent.impute(generator, template, 1, []).x.tolist() == [[2, 2, 2, 3]]
