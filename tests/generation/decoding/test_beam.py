from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generation.decoding import beam
from textgan.generation.decoding.ancestral import Ancestral
from textgan.generation.decoding.beam import Beam
from textgan.generators.lstm import Lstm
from textgan.ops import device
from textgan.testing import TabularGenerator, enumerate_sequences, tiny_vocabulary

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def likeliest(generator: TabularGenerator, length: int, power: float, prompt: Tensor | None = None) -> Samples:
    """By looking at every sequence there is."""
    every = enumerate_sequences(generator.vocab, length)
    if prompt is not None:
        begins = (every.x[:, : len(prompt)] == prompt).all(1) & every.valid[:, : len(prompt)].all(1)
        every = every[begins]
    worth = generator.log_prob(every).sum(1) / every.valid.sum(1) ** power
    return every[worth.argmax().view(1)]


def table(seed: int, end: bool = True) -> TabularGenerator:
    return TabularGenerator(tiny_vocabulary(4, end), 4, spread=1.5, seed=seed).eval()


@torch.no_grad()
@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("end", [False, True])
def test_wide_enough_it_finds_the_likeliest_sequence_of_all(end: bool, power: float) -> None:
    lengths = set()
    for seed in range(8):
        generator = table(seed, end)
        found = Beam(4**4, power)(generator, Batch.blank(2, 4))
        best = likeliest(generator, 4, power)
        assert torch.equal(found.x, best.x.expand(2, -1)), f"seed {seed}"
        assert torch.equal(found.valid, best.valid.expand(2, -1))
        lengths.add(int(best.valid.sum()))
    assert not end or len(lengths) > 1, "sequences of several lengths must have been the best"


@torch.no_grad()
def test_the_length_penalty_changes_what_is_best() -> None:
    apart = [seed for seed in range(30) if not torch.equal(*(likeliest(table(seed), 4, p).x for p in (0.0, 1.0)))]
    assert apart
    for seed in apart:
        plain, mean = (Beam(64, power)(table(seed), Batch.blank(1, 4)) for power in (0.0, 1.0))
        assert plain.valid.sum() < mean.valid.sum()


@torch.no_grad()
def test_a_narrow_one_is_between_greedy_and_the_best() -> None:
    better = 0
    for seed in range(30):
        generator = table(seed, end=False)
        greedy, narrow = (Beam(width)(generator, Batch.blank(1, 4)) for width in (1, 3))
        worth = [generator.log_prob(s).sum().item() for s in (greedy, narrow, likeliest(generator, 4, 0.0))]
        assert worth[0] <= worth[1] + 1e-5
        assert worth[1] <= worth[2] + 1e-5
        better += worth[1] > worth[0] + 1e-5
    assert better > 0


def lstm() -> Lstm:
    torch.manual_seed(0)
    return Lstm(VOCAB, embed_dim=4, hidden_dim=5, layers=2, init_std=1.5).eval()


def prompts() -> Batch:
    torch.manual_seed(1)
    tokens = torch.randint(3, 7, (6, 8))
    given = torch.arange(8) < torch.tensor([[0], [1], [2], [3], [4], [5]])
    return Batch(tokens, torch.ones_like(given), given)


@torch.no_grad()
def test_one_beam_is_greedy() -> None:
    generator, batch = lstm(), prompts()
    ours, greedy = Beam(1)(generator, batch), Ancestral(0.0)(generator, batch)
    for name in ("x", "valid", "chosen"):
        assert torch.equal(getattr(ours, name), getattr(greedy, name)), name


@torch.no_grad()
def test_rows_are_searched_as_if_each_were_alone() -> None:
    generator, batch = lstm(), prompts()
    together = Beam(4)(generator, batch)
    for row in range(len(batch)):
        alone = Beam(4)(generator, batch[row : row + 1])
        assert torch.equal(alone.x[0], together.x[row])


@torch.no_grad()
def test_what_is_given_is_kept_and_counts_for_what_comes_before_it() -> None:
    generator = table(3, end=False)
    prompt = torch.tensor([2, 1])
    tokens = torch.zeros(1, 4, dtype=torch.long)
    tokens[0, :2] = prompt
    given = torch.tensor([[True, True, False, False]])
    found = Beam(256)(generator, Batch(tokens, torch.ones_like(given), given))
    assert torch.equal(found.x, likeliest(generator, 4, 0.0, prompt).x)
    assert torch.equal(found.chosen, ~given)
    tokens[0, 3] = 2  # a blank between given words is filled with what both make likeliest
    given = torch.tensor([[True, False, False, True]])
    found = Beam(256)(generator, Batch(tokens, torch.ones_like(given), given))
    every = enumerate_sequences(generator.vocab, 4)
    every = every[(every.x[:, 0] == 2) & (every.x[:, 3] == 2)]
    assert torch.equal(found.x[0], every.x[generator.log_prob(every).sum(1).argmax()])


@torch.no_grad()
def test_logits_in_pieces_and_devices_that_wait_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, batch = lstm(), prompts()
    here = Beam(5)(generator, batch)
    described = device.describe(torch.device("cpu"))
    monkeypatch.setattr(beam, "describe", lambda _: replace(described, waits=True, logits=20))
    there = Beam(5)(generator, batch)
    assert torch.equal(here.x, there.x)
    assert torch.equal(here.valid, there.valid)


@torch.no_grad()
def test_nothing_is_written_that_may_never_be() -> None:
    found = Beam(50)(lstm(), Batch.blank(3, 6))
    assert not torch.isin(found.x[found.valid], torch.tensor(VOCAB.forbidden_ids)).any()
    assert bool((found.x[~found.valid] == VOCAB.pad).all())
