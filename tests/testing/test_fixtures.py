from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from textgan.core.types import Batch, Samples
from textgan.generation.sampling import TokenCounter
from textgan.testing import TabularGenerator, TabularReward, check_generator, check_source, tiny_corpus, tiny_vocabulary
from textgan.testing.fixtures import GaussianCodes, Lines, SquaredDistance


def test_a_tiny_vocabulary_ends_with_its_last_token_if_at_all() -> None:
    assert tiny_vocabulary(4).eos is None
    assert tiny_vocabulary(4, end=True).eos == 3
    assert tiny_vocabulary(6).size == 6


def test_the_tabular_generator_is_a_generator() -> None:
    check_generator(lambda vocab: TabularGenerator(vocab, 4))


def test_its_log_probabilities_are_those_of_its_table() -> None:
    generator = TabularGenerator(tiny_vocabulary(3), 3, seed=5)
    table = generator.table.detach().view(3, 3, 3).log_softmax(2)  # position, previous token, token
    tokens = torch.tensor(list(itertools.product(range(3), repeat=3)))
    valid = torch.ones_like(tokens, dtype=torch.bool)
    expected = [[table[t, previous, token] for t, (previous, token) in enumerate(itertools.pairwise((0, *row)))]
                for row in tokens.tolist()]  # fmt: skip
    torch.testing.assert_close(generator.log_prob(Samples(tokens, valid, valid)), torch.tensor(expected))
    assert not torch.equal(generator.table, TabularGenerator(tiny_vocabulary(3), 3, seed=6).table)


def test_without_spread_it_is_uniform() -> None:
    assert not TabularGenerator(tiny_vocabulary(3), 3, spread=0.0).table.any()


def samples(x: torch.Tensor) -> Samples:
    valid = torch.ones(x.shape[:2], dtype=torch.bool)
    return Samples(x, valid, valid)


@pytest.mark.parametrize("per_token", [False, True])
def test_the_tabular_reward_is_the_same_for_ids_and_one_hot_points(per_token: bool) -> None:
    reward = TabularReward(tiny_vocabulary(4), 3, per_token)
    ids = torch.randint(4, (5, 3))
    found = reward(samples(ids))
    assert found.shape == (5, 3 if per_token else 1)
    torch.testing.assert_close(reward(samples(nn.functional.one_hot(ids, 4).float())), found)


def test_between_the_corners_it_is_linear_in_each_token() -> None:
    reward = TabularReward(tiny_vocabulary(4), 3, per_token=True)
    ids, other = torch.randint(4, (5, 3)), torch.randint(4, (5, 3))
    one, two = (nn.functional.one_hot(x, 4).float() for x in (ids, other))
    for position in range(3):
        mixed, changed = one.clone(), one.clone()
        changed[:, position] = two[:, position]
        mixed[:, position] = 0.3 * one[:, position] + 0.7 * two[:, position]
        totals = [reward(samples(x)).sum(1) for x in (one, changed, mixed)]
        torch.testing.assert_close(totals[2], 0.3 * totals[0] + 0.7 * totals[1])


def test_padding_has_no_reward() -> None:
    reward = TabularReward(tiny_vocabulary(4), 3, per_token=True)
    valid = torch.tensor([[True, True, False]])
    found = [reward(Samples(torch.tensor([[1, 2, last]]), valid, valid)) for last in (0, 3)]
    torch.testing.assert_close(found[0], found[1])
    assert found[0][0, 2] == 0


def test_gaussian_codes_have_their_mean_and_deviation_and_are_counted() -> None:
    generator = GaussianCodes(3)
    with TokenCounter() as counter:
        codes = generator.sample(Batch.blank(20_000, 4)).x
    assert int(counter.total) == 20_000 * 4
    torch.testing.assert_close(codes.mean(0), generator.mu.detach(), atol=0.02, rtol=0)
    torch.testing.assert_close(codes.std(0), generator.sigma.detach(), atol=0.02, rtol=0)
    with pytest.raises(NotImplementedError, match="cannot be trained on text"):
        generator.likelihood(Batch.blank(1, 4))


def test_the_squared_distance_is_a_reward() -> None:
    reward = SquaredDistance(3)
    fake = samples(torch.zeros(2, 3)).with_x(torch.stack([reward.target, reward.target + 1]))
    torch.testing.assert_close(reward(fake), torch.tensor([[0.0], [-3.0]]))


def test_lines_are_a_source_and_the_tiny_corpus_is_split() -> None:
    check_source(Lines(["a"], ["b"], ["c"]))
    corpus = tiny_corpus()
    assert [len(split.texts) for split in (corpus.train, corpus.validation, corpus.test)] == [76, 10, 10]
    assert tiny_corpus().train.texts == corpus.train.texts
    assert tiny_corpus(1).train.texts != corpus.train.texts
