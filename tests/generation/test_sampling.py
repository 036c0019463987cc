from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.core.roles import Rollouts
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generation import sampling
from textgan.generation.autoregressive import Autoregressive
from textgan.generation.sampling import TokenCounter
from textgan.generators.lstm import Lstm
from textgan.ops import device
from textgan.ops.device import DeviceProfile
from textgan.testing import TabularGenerator, enumerate_sequences, tiny_vocabulary

COUNT = 8000


ASYNC = DeviceProfile(max_logits=70, is_async=True, prefers_gather=False)
"""A device whose values must not be read, with few logits in memory."""


@pytest.fixture(params=["sync", "async"], autouse=True)
def _device(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs every test on both kinds of device."""
    torch.manual_seed(0)
    with device.assume(ASYNC) if request.param == "async" else nullcontext():
        yield


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
    """Numbers each sequence, [N]."""
    return (ids * base ** torch.arange(ids.shape[1])).sum(1)


def check_distribution(sampled: Samples, every: Samples, probability: Tensor, vocab: Vocabulary) -> None:
    """Tests that the frequencies of the sequences in `every` fit their probabilities."""
    numbers = key(every.x, vocab.size)
    order = numbers.argsort()
    position = torch.searchsorted(numbers[order], key(sampled.x, vocab.size)).clamp_max(len(order) - 1)
    row = order[position]
    assert torch.equal(every.x[row], sampled.x), "an impossible sequence was sampled"
    assert torch.equal(every.valid[row], sampled.valid)
    assert p_value(row, probability) > 1e-3


@torch.no_grad()
def test_sequences_follow_the_generators_distribution(generator: Autoregressive, vocab: Vocabulary) -> None:
    every = enumerate_sequences(vocab, 3)
    sampled = generator.sample(Batch.blank(COUNT, 3))
    check_distribution(sampled, every, generator.log_prob(every).sum(1).exp(), vocab)
    assert torch.equal(sampled.chosen, sampled.valid)


@torch.no_grad()
@pytest.mark.parametrize("positions", [[0], [1], [2], [0, 2], [0, 1, 2]])
def test_given_tokens_are_kept_at_any_position(
    generator: Autoregressive, vocab: Vocabulary, positions: list[int]
) -> None:
    token = max(w for w in range(vocab.size) if w not in (vocab.eos, *vocab.forbidden_ids))
    batch = Batch.blank(COUNT, 3)
    batch.tokens[:, positions] = token
    batch.given[:, positions] = True
    sampled = generator.sample(batch)
    assert torch.equal(sampled.chosen, sampled.valid & ~batch.given)
    assert (sampled.x[sampled.valid & batch.given] == token).all()

    every = enumerate_sequences(vocab, 3)
    agrees = ((every.x == token) | ~every.valid)[:, positions].all(1)
    every = every[agrees]
    chosen = torch.ones(3, dtype=torch.bool)
    chosen[positions] = False
    probability = (generator.log_prob(every) * chosen).sum(1).exp()
    check_distribution(sampled, every, probability, vocab)


def test_each_row_keeps_its_own_given_tokens(generator: Autoregressive, vocab: Vocabulary) -> None:
    every = enumerate_sequences(vocab, 3)
    given = every.valid & (torch.rand(every.valid.shape) < 0.5)
    sampled = generator.sample(Batch(every.x, every.valid, given))
    kept = given & sampled.valid
    assert torch.equal(sampled.x[kept], every.x[kept])
    whole = generator.sample(Batch(every.x, every.valid, every.valid))
    assert torch.equal(whole.x[every.valid], every.x[every.valid])
    assert not whole.chosen[every.valid].any()


def test_after_the_end_is_padding() -> None:
    vocab = Vocabulary(4, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
    sampled = TabularGenerator(vocab, 6).sample(Batch.blank(500, 6))
    for ids, valid in zip(sampled.x.tolist(), sampled.valid.tolist(), strict=True):
        end = ids.index(2) + 1 if 2 in ids else 6
        assert valid == [t < end for t in range(6)]
        assert all(token in (2, 3) for token in ids[:end])
        assert all(token == 0 for token in ids[end:])


# Roll-outs.


def parts(generator: Autoregressive, samples: Samples, count: int) -> Rollouts:
    """Joins all chunks of roll-outs."""
    pieces = list(generator.rollouts(samples, count))
    joined = Samples(*(torch.cat([getattr(p.samples, name) for p in pieces]) for name in ("x", "valid", "chosen")))
    return Rollouts(torch.cat([p.source for p in pieces]), torch.cat([p.prefix for p in pieces]), joined)


def check_coverage(samples: Samples, found: Rollouts, count: int) -> None:
    """Checks that each unfinished proper prefix has `count` roll-outs, and others repeat a sample that has ended."""
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
def test_completions_follow_the_generators_distribution(generator: Autoregressive, vocab: Vocabulary) -> None:
    """With four positions, the roll-outs of two prefixes advance together."""
    every = enumerate_sequences(vocab, 4)
    probability = generator.log_prob(every).sum(1).exp()
    unended = every.valid.all(1).nonzero()[:, 0]
    samples = every[unended[[0, -1]]]
    found = parts(generator, samples, COUNT // 2)
    for source, sample in enumerate(samples.x):
        for prefix in (1, 2, 3):
            matches = (every.x[:, :prefix] == sample[:prefix]).all(1) & every.valid[:, prefix]
            sampled = found.samples[(found.source == source) & (found.prefix == prefix)]
            assert len(sampled) == COUNT // 2
            check_distribution(sampled, every[matches], probability[matches] / probability[matches].sum(), vocab)


@torch.no_grad()
def test_completions_of_different_samples_are_not_mixed_up() -> None:
    """Each sample repeats one token, so a row that continues with another row's state differs."""
    vocab = tiny_vocabulary(5)
    generator = TabularGenerator(vocab, 4, spread=0.0)
    generator.table.copy_(40 * torch.eye(5).repeat(4, 1))  # each token repeats itself
    x = torch.arange(5).unsqueeze(1).expand(5, 4)
    samples = Samples(x, *[torch.ones(5, 4, dtype=torch.bool)] * 2)
    found = parts(generator, samples, 3)
    assert torch.equal(found.samples.x, x[found.source])


@torch.no_grad()
def test_rollouts_keep_given_tokens_after_the_prefix() -> None:
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
def test_sequences_of_one_and_two_tokens(generator: Autoregressive) -> None:
    two = generator.sample(Batch.blank(4, 2))
    check_coverage(two, parts(generator, two, 1), 1)
    one = generator.sample(Batch.blank(4, 1))
    found = parts(generator, one, 3)
    assert len(found.source) == 0
    assert found.samples.x.shape == (0, 1)


@torch.no_grad()
def test_ended_sequences_have_no_rollouts() -> None:
    vocab = tiny_vocabulary(3, end=True)
    generator = TabularGenerator(vocab, 4)
    x = torch.tensor([[2, 0, 0, 0], [1, 2, 0, 0], [1, 1, 1, 2]])
    valid = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
    samples = Samples(x, valid, valid)
    found = parts(generator, samples, 2)
    check_coverage(samples, found, 2)
    if not device.describe(x.device).is_async:
        assert Counter(found.source.tolist()) == {1: 2, 2: 6}


@torch.no_grad()
@pytest.mark.parametrize("longest", [1, 2, 3])
def test_all_sequences_may_end_before_the_last_position(longest: int) -> None:
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 5)
    valid = torch.arange(5) < torch.tensor([[1], [longest]])
    sentence = [1] * (longest - 1) + [2] + [0] * (5 - longest)
    samples = Samples(torch.tensor([[2, 0, 0, 0, 0], sentence]), valid, valid)
    found = parts(generator, samples, 3)
    check_coverage(samples, found, 3)


@torch.no_grad()
def test_rollouts_are_ordered_by_prefix_then_repetition() -> None:
    """Losses over groups of roll-outs depend on this order (RankGAN's released code has the same)."""
    generator = TabularGenerator(tiny_vocabulary(4), 4)
    samples = generator.sample(Batch.blank(3, 4))
    found = parts(generator, samples, 2)
    assert found.prefix.tolist() == [t for t in (1, 2, 3) for _ in range(6)]
    assert found.source.tolist() == [0, 1, 2] * 6


# Counts of sampled tokens.


@torch.no_grad()
def test_sampled_tokens_are_counted(generator: Autoregressive) -> None:
    """The end counts, padding does not."""
    with TokenCounter() as counter:
        samples = generator.sample(Batch.blank(20, 4))
    assert int(counter.total) == int(samples.valid.sum())


@torch.no_grad()
def test_completions_are_counted_without_their_prefixes(generator: Autoregressive) -> None:
    samples = generator.sample(Batch.blank(9, 4))
    with TokenCounter() as counter:
        found = parts(generator, samples, 5)
    after_prefix = torch.arange(4) >= found.prefix.unsqueeze(1)
    assert int(counter.total) == int((found.samples.valid & after_prefix).sum())


@torch.no_grad()
def test_given_tokens_are_not_counted() -> None:
    generator, batch = TabularGenerator(tiny_vocabulary(3), 4), Batch.blank(6, 4)
    batch.given[:, 1:3] = True
    with TokenCounter() as counter:
        samples = generator.sample(batch)
    assert int(counter.total) == 6 * 2
    with TokenCounter() as counter:
        parts(generator, samples, 5)
    assert int(counter.total) == 6 * 5 * 3  # the last token only, after prefixes of 1, 2 and 3 tokens


@torch.no_grad()
def test_nested_counters_count_what_is_sampled_inside_them() -> None:
    generator, batch = TabularGenerator(tiny_vocabulary(3), 4), Batch.blank(1, 4)
    with TokenCounter() as outer:
        generator.sample(batch)
        with TokenCounter() as inner:
            generator.sample(batch)
        generator.sample(batch)
    assert (int(outer.total), int(inner.total)) == (12, 4)


@torch.no_grad()
def test_a_counter_stops_when_it_is_left_even_by_an_error() -> None:
    generator, batch, counter = TabularGenerator(tiny_vocabulary(3), 4), Batch.blank(1, 4), TokenCounter()
    with pytest.raises(RuntimeError), counter:
        raise RuntimeError
    generator.sample(batch)
    assert counter.total == 0


def test_a_sampler_of_its_own_adds_to_the_counters() -> None:
    with TokenCounter() as counter:
        sampling.count_tokens(torch.tensor([[True, False], [True, True]]))
        sampling.count_tokens(torch.tensor([[True]]))
    assert int(counter.total) == 4
