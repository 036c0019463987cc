from __future__ import annotations

from collections import Counter

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.core.roles import Rollouts
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generation import sampling
from textgan.generation.autoregressive import Autoregressive
from textgan.generators.lstm import Lstm
from textgan.ops.device import DeviceProfile
from textgan.testing import TabularGenerator, enumerate_sequences, tiny_vocabulary

COUNT = 8000


def waiting(device: torch.device) -> Device:
    """A device that must not look at values, and holds few logits."""
    return DeviceProfile(70, is_async=True, prefers_gather=False)


@pytest.fixture(params=["looks", "waits"], autouse=True)
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything here holds on both kinds of device."""
    if request.param == "waits":
        monkeypatch.setattr(sampling, "describe", waiting)
    torch.manual_seed(0)


@pytest.fixture(params=["plain", "ending", "forbidden"])
def vocab(request: pytest.FixtureRequest) -> Vocabulary:
    return {
        "plain": tiny_vocabulary(3),
        "ending": tiny_vocabulary(3, end=True),
        "forbidden": Vocabulary(5, bos=1, eos=2, pad=0, forbidden_ids=(0, 1)),
    }[request.param]


@pytest.fixture(params=["table", "lstm"])
def generator(request: pytest.FixtureRequest, vocab: Vocabulary) -> Autoregressive:
    if request.param == "table":
        return TabularGenerator(vocab, 4)
    return Lstm(vocab, embed_dim=4, hidden_dim=4, layers=2, init_std=1.0).eval()


def key(ids: Tensor, base: int) -> Tensor:
    """A number for each sequence, [N]."""
    return (ids * base ** torch.arange(ids.shape[1])).sum(1)


def check_law(drawn: Samples, every: Samples, probability: Tensor, vocab: Vocabulary) -> None:
    """The sequences come as often as `probability` says of those in `every`."""
    numbers = key(every.x, vocab.size)
    order = numbers.argsort()
    place = torch.searchsorted(numbers[order], key(drawn.x, vocab.size)).clamp_max(len(order) - 1)
    row = order[place]
    assert torch.equal(every.x[row], drawn.x), "a sequence was drawn that cannot be"
    assert torch.equal(every.valid[row], drawn.valid)
    assert p_value(row, probability) > 1e-3


@torch.no_grad()
def test_sequences_come_as_often_as_they_should(generator: Autoregressive, vocab: Vocabulary) -> None:
    every = enumerate_sequences(vocab, 3)
    drawn = generator.sample(Batch.blank(COUNT, 3))
    check_law(drawn, every, generator.log_prob(every).sum(1).exp(), vocab)
    assert torch.equal(drawn.chosen, drawn.valid)


@torch.no_grad()
@pytest.mark.parametrize("places", [[0], [1], [2], [0, 2], [0, 1, 2]])
def test_given_tokens_stay_wherever_they_stand(generator: Autoregressive, vocab: Vocabulary, places: list[int]) -> None:
    word = max(w for w in range(vocab.size) if w not in (vocab.eos, *vocab.forbidden_ids))
    batch = Batch.blank(COUNT, 3)
    batch.tokens[:, places] = word
    batch.given[:, places] = True
    drawn = generator.sample(batch)
    assert torch.equal(drawn.chosen, drawn.valid & ~batch.given)
    assert (drawn.x[drawn.valid & batch.given] == word).all()

    every = enumerate_sequences(vocab, 3)
    agrees = ((every.x == word) | ~every.valid)[:, places].all(1)
    every = every[agrees]
    mine = torch.ones(3, dtype=torch.bool)
    mine[places] = False
    probability = (generator.log_prob(every) * mine).sum(1).exp()
    check_law(drawn, every, probability, vocab)


def test_each_row_keeps_its_own_given_tokens(generator: Autoregressive, vocab: Vocabulary) -> None:
    every = enumerate_sequences(vocab, 3)
    given = every.valid & (torch.rand(every.valid.shape) < 0.5)
    drawn = generator.sample(Batch(every.x, every.valid, given))
    kept = given & drawn.valid
    assert torch.equal(drawn.x[kept], every.x[kept])
    whole = generator.sample(Batch(every.x, every.valid, every.valid))
    assert torch.equal(whole.x[every.valid], every.x[every.valid])
    assert not whole.chosen[every.valid].any()


def test_behind_the_end_is_padding() -> None:
    vocab = Vocabulary(4, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
    drawn = TabularGenerator(vocab, 6).sample(Batch.blank(500, 6))
    for ids, valid in zip(drawn.x.tolist(), drawn.valid.tolist(), strict=True):
        end = ids.index(2) + 1 if 2 in ids else 6
        assert valid == [t < end for t in range(6)]
        assert all(word in (2, 3) for word in ids[:end])
        assert all(word == 0 for word in ids[end:])


# Roll-outs.


def parts(generator: Autoregressive, samples: Samples, count: int) -> Rollouts:
    """All pieces in one."""
    pieces = list(generator.rollouts(samples, count))
    joined = Samples(*(torch.cat([getattr(p.samples, name) for p in pieces]) for name in ("x", "valid", "chosen")))
    return Rollouts(torch.cat([p.source for p in pieces]), torch.cat([p.prefix for p in pieces]), joined)


def check_coverage(samples: Samples, found: Rollouts, count: int) -> None:
    """Every unfinished proper prefix `count` times; what else there is repeats a sample that has ended."""
    times = Counter(zip(found.source.tolist(), found.prefix.tolist(), strict=True))
    unfinished = {(b, t) for b, t in samples.valid.nonzero().tolist() if t > 0}
    assert {pair: n for pair, n in times.items() if pair in unfinished} == dict.fromkeys(unfinished, count)
    for row, (source, prefix) in enumerate(zip(found.source.tolist(), found.prefix.tolist(), strict=True)):
        assert torch.equal(found.samples.x[row, :prefix], samples.x[source, :prefix])
        if (source, prefix) not in unfinished:
            assert torch.equal(found.samples.x[row], samples.x[source])
            assert torch.equal(found.samples.valid[row], samples.valid[source])


@torch.no_grad()
@pytest.mark.parametrize("rows_at_once", [100_000, 50, 1])
@pytest.mark.parametrize("count", [1, 5])
def test_every_unfinished_prefix_is_completed(
    generator: Autoregressive, count: int, rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "ROWS", rows_at_once)
    samples = generator.sample(Batch.blank(9, 3))
    check_coverage(samples, parts(generator, samples, count), count)
    pieces = len(list(generator.rollouts(samples, count)))
    assert pieces == {100_000: 1, 50: -(-count // 2), 1: count}[rows_at_once]


@torch.no_grad()
def test_completions_come_as_often_as_they_should(generator: Autoregressive, vocab: Vocabulary) -> None:
    """Four positions: two prefixes have to meet before the second of them takes a step of its own."""
    every = enumerate_sequences(vocab, 4)
    probability = generator.log_prob(every).sum(1).exp()
    unended = every.valid.all(1).nonzero()[:, 0]
    samples = every[unended[[0, -1]]]
    found = parts(generator, samples, COUNT // 2)
    for source, sample in enumerate(samples.x):
        for prefix in (1, 2, 3):
            begins = (every.x[:, :prefix] == sample[:prefix]).all(1) & every.valid[:, prefix]
            drawn = found.samples[(found.source == source) & (found.prefix == prefix)]
            assert len(drawn) == COUNT // 2
            check_law(drawn, every[begins], probability[begins] / probability[begins].sum(), vocab)


@torch.no_grad()
def test_completions_of_different_samples_are_not_mixed_up() -> None:
    """With one word for each sample, a row that went on with another's state would show."""
    vocab = tiny_vocabulary(5)
    generator = TabularGenerator(vocab, 4, spread=0.0)
    generator.table.copy_(40 * torch.eye(5).repeat(4, 1))  # each word repeats itself
    x = torch.arange(5).unsqueeze(1).expand(5, 4)
    samples = Samples(x, *[torch.ones(5, 4, dtype=torch.bool)] * 2)
    found = parts(generator, samples, 3)
    assert torch.equal(found.samples.x, x[found.source])


@torch.no_grad()
def test_roll_outs_keep_what_was_given_behind_the_prefix() -> None:
    vocab = tiny_vocabulary(3)
    generator = TabularGenerator(vocab, 4)
    batch = Batch.blank(6, 4)
    batch.tokens[:, 2] = 1
    batch.given[:, 2] = True
    samples = generator.sample(batch)
    found = parts(generator, samples, 4)
    check_coverage(samples, found, 4)
    assert (found.samples.x[:, 2] == 1).all()
    assert torch.equal(found.samples.chosen, ~batch.given[found.source])


@torch.no_grad()
def test_the_shortest_sequences(generator: Autoregressive) -> None:
    two = generator.sample(Batch.blank(4, 2))
    check_coverage(two, parts(generator, two, 1), 1)
    one = generator.sample(Batch.blank(4, 1))
    found = parts(generator, one, 3)
    assert len(found.source) == 0
    assert found.samples.x.shape == (0, 1)


@torch.no_grad()
def test_what_has_ended_has_no_roll_outs() -> None:
    vocab = tiny_vocabulary(3, end=True)
    generator = TabularGenerator(vocab, 4)
    x = torch.tensor([[2, 0, 0, 0], [1, 2, 0, 0], [1, 1, 1, 2]])
    valid = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
    samples = Samples(x, valid, valid)
    found = parts(generator, samples, 2)
    check_coverage(samples, found, 2)
    if not sampling.describe(x.device).is_async:
        assert Counter(found.source.tolist()) == {1: 2, 2: 6}


@torch.no_grad()
@pytest.mark.parametrize("longest", [1, 2, 3])
def test_all_may_have_ended_before_the_last_position(longest: int) -> None:
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 5)
    valid = torch.arange(5) < torch.tensor([[1], [longest]])
    sentence = [1] * (longest - 1) + [2] + [0] * (5 - longest)
    samples = Samples(torch.tensor([[2, 0, 0, 0, 0], sentence]), valid, valid)
    found = parts(generator, samples, 3)
    check_coverage(samples, found, 3)


@torch.no_grad()
def test_one_completion_of_every_prefix_of_a_length_comes_before_the_next() -> None:
    """The order that losses over groups of roll-outs go by (RankGAN's released one), whatever the sampler's own is."""
    generator = TabularGenerator(tiny_vocabulary(4), 4)
    samples = generator.sample(Batch.blank(3, 4))
    found = parts(generator, samples, 2)
    assert found.prefix.tolist() == [t for t in (1, 2, 3) for _ in range(6)]
    assert found.source.tolist() == [0, 1, 2] * 6
