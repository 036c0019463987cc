"""The exact gradient compared with finite differences, and the expected gradient of estimators."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from textgan.core.types import Batch, Samples, Vocabulary
from textgan.estimators.reinforce import Reinforce
from textgan.testing import (
    TabularGenerator,
    TabularReward,
    enumerate_sequences,
    exact_gradient,
    expected_gradient,
    flat,
    tiny_vocabulary,
)

VOCAB_SIZE = LENGTH = 3


def expected_reward(table: Tensor, reward: TabularReward, end: bool) -> float:
    """sum_y pi(y) R(y), one sequence and one token at a time, in double precision."""
    log_prob = table.double().view(LENGTH, VOCAB_SIZE, VOCAB_SIZE).log_softmax(2)  # position, previous token, token
    total, seen = 0.0, set()
    for sequence in itertools.product(range(VOCAB_SIZE), repeat=LENGTH):
        stop = sequence.index(VOCAB_SIZE - 1) + 1 if end and VOCAB_SIZE - 1 in sequence else LENGTH
        tokens = sequence[:stop]
        if tokens in seen:
            continue
        seen.add(tokens)
        x = torch.tensor([[*tokens, *[0] * (LENGTH - stop)]])
        valid = (torch.arange(LENGTH) < stop).unsqueeze(0)
        pairs = enumerate(itertools.pairwise((0, *tokens)))
        log_probability = sum(log_prob[t, previous, token] for t, (previous, token) in pairs)
        total += float(log_probability.exp()) * reward(Samples(x, valid, valid)).double().sum().item()  # type: ignore[union-attr]
    return total


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("per_token", [False, True])
def test_the_exact_gradient_equals_finite_differences(end: bool, per_token: bool) -> None:
    vocab = tiny_vocabulary(VOCAB_SIZE, end)
    generator, reward = TabularGenerator(vocab, LENGTH), TabularReward(vocab, LENGTH, per_token)
    found = exact_gradient(generator, reward, vocab, LENGTH).view_as(generator.table)
    table = generator.table.detach().double()
    assert found.any()
    for index in itertools.product(range(table.shape[0]), range(VOCAB_SIZE)):
        step = torch.zeros_like(table)
        step[index] = 1e-4
        difference = expected_reward(table + step, reward, end) - expected_reward(table - step, reward, end)
        assert found[index].item() == pytest.approx(difference / 2e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("vocab", "length", "number"),
    [
        (tiny_vocabulary(3), 3, 27),
        (tiny_vocabulary(3), 1, 3),
        (tiny_vocabulary(3, end=True), 3, 1 + 2 + 4 + 8),  # ended after 1, 2 and 3 tokens, and not ended
        (Vocabulary(5, bos=1, eos=2, pad=0, forbidden_ids=(0, 1)), 2, 1 + 2 * 3),
    ],
)
def test_every_sequence_is_enumerated_once(vocab: Vocabulary, length: int, number: int) -> None:
    every = enumerate_sequences(vocab, length)
    assert len(every) == number
    assert len({(*x, *v) for x, v in zip(every.x.tolist(), every.valid.tolist(), strict=True)}) == number
    assert not torch.isin(every.x[every.valid], torch.tensor(vocab.forbidden_ids)).any()
    total = TabularGenerator(vocab, length).log_prob(every).sum(1).exp().sum().item()
    assert total == pytest.approx(1, abs=1e-5)


def test_too_many_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        enumerate_sequences(tiny_vocabulary(10), 6)


def test_the_expected_gradient_is_the_mean_over_repeats_with_its_standard_error() -> None:
    vocab = tiny_vocabulary(3)
    generator, reward = TabularGenerator(vocab, 2), TabularReward(vocab, 2)
    torch.manual_seed(0)
    found, error = expected_gradient(Reinforce(), generator, reward, Batch.blank(4, 2), 3)
    torch.manual_seed(0)
    each = []
    for _ in range(3):
        (loss,) = Reinforce().losses(generator, reward, Batch.blank(4, 2))
        generator.zero_grad()
        loss.value.backward()  # type: ignore[no-untyped-call]
        each.append(-flat(generator))
    torch.testing.assert_close(found, torch.stack(each).mean(0))
    torch.testing.assert_close(error, torch.stack(each).std(0) / 3**0.5)
    _, unknown = expected_gradient(Reinforce(), generator, reward, Batch.blank(4, 2))
    assert unknown.isinf().all()


def test_parameters_without_a_gradient_count_as_zeros() -> None:
    generator = TabularGenerator(tiny_vocabulary(3), 2)
    assert torch.equal(flat(generator), torch.zeros(2 * 3 * 3))
    generator.table.grad = torch.ones_like(generator.table)
    assert torch.equal(flat(generator), torch.ones(2 * 3 * 3))
