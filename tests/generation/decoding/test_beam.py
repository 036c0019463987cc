from __future__ import annotations

import pytest
import torch
from torch import Tensor

from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generation.decoding.ancestral import Ancestral
from textgan.generation.decoding.beam import Beam
from textgan.generators.lstm import Lstm
from textgan.ops import device
from textgan.ops.device import DeviceProfile
from textgan.testing import TabularGenerator, enumerate_sequences, tiny_vocabulary

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def most_likely(generator: TabularGenerator, length: int, power: float, prompt: Tensor | None = None) -> Samples:
    """Finds the most likely sequence by enumerating all of them."""
    every = enumerate_sequences(generator.vocab, length)
    if prompt is not None:
        matches = (every.x[:, : len(prompt)] == prompt).all(1) & every.valid[:, : len(prompt)].all(1)
        every = every[matches]
    score = generator.log_prob(every).sum(1) / every.valid.sum(1) ** power
    return every[score.argmax().view(1)]


def table(seed: int, end: bool = True) -> TabularGenerator:
    return TabularGenerator(tiny_vocabulary(4, end), 4, spread=1.5, seed=seed).eval()


@torch.no_grad()
@pytest.mark.parametrize("power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("end", [False, True])
def test_a_wide_beam_finds_the_most_likely_sequence(end: bool, power: float) -> None:
    lengths = set()
    for seed in range(8):
        generator = table(seed, end)
        found = Beam(4**4, power)(generator, Batch.blank(2, 4))
        best = most_likely(generator, 4, power)
        assert torch.equal(found.x, best.x.expand(2, -1)), f"seed {seed}"
        assert torch.equal(found.valid, best.valid.expand(2, -1))
        lengths.add(int(best.valid.sum()))
    assert not end or len(lengths) > 1, "the best sequences must have several lengths"


@torch.no_grad()
def test_the_length_penalty_favours_longer_sequences() -> None:
    different = [seed for seed in range(30) if not torch.equal(*(most_likely(table(seed), 4, p).x for p in (0.0, 1.0)))]
    assert different
    for seed in different:
        plain, mean = (Beam(64, power)(table(seed), Batch.blank(1, 4)) for power in (0.0, 1.0))
        assert plain.valid.sum() < mean.valid.sum()


@torch.no_grad()
def test_a_narrow_beam_is_between_greedy_and_the_best() -> None:
    better = 0
    for seed in range(30):
        generator = table(seed, end=False)
        greedy, narrow = (Beam(width)(generator, Batch.blank(1, 4)) for width in (1, 3))
        score = [generator.log_prob(s).sum().item() for s in (greedy, narrow, most_likely(generator, 4, 0.0))]
        assert score[0] <= score[1] + 1e-5
        assert score[1] <= score[2] + 1e-5
        better += score[1] > score[0] + 1e-5
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
def test_width_1_is_greedy_decoding() -> None:
    generator, batch = lstm(), prompts()
    found, greedy = Beam(1)(generator, batch), Ancestral(0.0)(generator, batch)
    for name in ("x", "valid", "chosen"):
        assert torch.equal(getattr(found, name), getattr(greedy, name)), name


@torch.no_grad()
def test_rows_are_searched_independently() -> None:
    generator, batch = lstm(), prompts()
    together = Beam(4)(generator, batch)
    for row in range(len(batch)):
        alone = Beam(4)(generator, batch[row : row + 1])
        assert torch.equal(alone.x[0], together.x[row])


@torch.no_grad()
def test_given_tokens_are_kept_and_count_for_the_tokens_before_them() -> None:
    generator = table(3, end=False)
    prompt = torch.tensor([2, 1])
    tokens = torch.zeros(1, 4, dtype=torch.long)
    tokens[0, :2] = prompt
    given = torch.tensor([[True, True, False, False]])
    found = Beam(256)(generator, Batch(tokens, torch.ones_like(given), given))
    assert torch.equal(found.x, most_likely(generator, 4, 0.0, prompt).x)
    assert torch.equal(found.chosen, ~given)
    tokens[0, 3] = 2  # blanks between given tokens depend on both
    given = torch.tensor([[True, False, False, True]])
    found = Beam(256)(generator, Batch(tokens, torch.ones_like(given), given))
    every = enumerate_sequences(generator.vocab, 4)
    every = every[(every.x[:, 0] == 2) & (every.x[:, 3] == 2)]
    assert torch.equal(found.x[0], every.x[generator.log_prob(every).sum(1).argmax()])


@torch.no_grad()
def test_chunks_of_logits_and_asynchronous_devices_change_nothing() -> None:
    generator, batch = lstm(), prompts()
    expected = Beam(5)(generator, batch)
    with device.assume(DeviceProfile(max_logits=20, is_async=True, prefers_gather=False)):
        found = Beam(5)(generator, batch)
    assert torch.equal(found.x, expected.x)
    assert torch.equal(found.valid, expected.valid)


@torch.no_grad()
def test_forbidden_tokens_are_not_generated() -> None:
    found = Beam(50)(lstm(), Batch.blank(3, 6))
    assert not torch.isin(found.x[found.valid], torch.tensor(VOCAB.forbidden_ids)).any()
    assert bool((found.x[~found.valid] == VOCAB.pad).all())
