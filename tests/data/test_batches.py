"""Training batches."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from textgan.core.types import Batch
from textgan.data.batches import Batches
from textgan.data.interfaces import Blanks


def numbered(rows: int) -> Batch:
    tokens = torch.arange(rows).unsqueeze(1)
    return Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))


def flat(batches: list[list[int]]) -> list[int]:
    return [row for batch in batches for row in batch]


def rows(batches: Batches, count: int) -> list[list[int]]:
    return [batch.tokens[:, 0].tolist() for batch in islice(batches, count)]


def test_an_epoch_is_a_permutation_without_an_incomplete_last_batch() -> None:
    batches = Batches(numbered(10), 3, seed=1)
    epochs = [flat(rows(batches, 3)) for _ in range(3)]
    assert all(len(set(epoch)) == 9 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert rows(Batches(numbered(10), 3, seed=1), 3) != rows(Batches(numbered(10), 3, seed=2), 3)


def test_every_row_is_equally_frequent() -> None:
    counts = torch.bincount(torch.tensor(flat(rows(Batches(numbered(7), 2, seed=3), 3000))), minlength=7)
    assert (counts - 6000 / 7).abs().max() < 60


@pytest.mark.parametrize("size", [1, 3, 10, 12, 25])
def test_any_index_gives_what_an_uninterrupted_iterator_gives(size: int) -> None:
    straight = rows(Batches(numbered(10), size, seed=5), 30)
    batches = Batches(numbered(10), size, seed=5)
    for index in (17, 0, 29, 3, 4):
        batches.index = index
        assert rows(batches, 1) == [straight[index]]
        assert batches.index == index + 1


def test_batches_that_are_larger_than_the_data_are_full() -> None:
    found = rows(Batches(numbered(4), 6, seed=1), 4)
    assert [len(batch) for batch in found] == [6] * 4
    assert all(sorted(flat(found)[start : start + 4]) == [0, 1, 2, 3] for start in range(0, 24, 4))


def test_the_parts_of_a_row_stay_together_and_global_random_numbers_are_not_used() -> None:
    tokens = torch.arange(40).view(20, 2)
    batches = Batches(Batch(tokens, tokens % 3 == 0, tokens % 5 == 0), 6, seed=1)
    before = torch.get_rng_state()
    batch = next(batches)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(batch.valid, batch.tokens % 3 == 0)
    assert torch.equal(batch.given, batch.tokens % 5 == 0)


def test_a_batch_of_no_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="batch_size=3: no such batch from 0 rows"):
        Batches(numbered(0), 3, seed=1)


class EveryThird(Blanks):
    """Gives every third token, and one that depends on the random numbers of the batch."""

    def given(self, batch: Batch, rng: torch.Generator, index: int) -> torch.Tensor:
        return (batch.tokens % 3 == 0) | (torch.randint(2, batch.tokens.shape, generator=rng) == index % 2)


def test_blanks_depend_on_the_seed_and_the_index_alone() -> None:
    straight = [next_given(Batches(numbered(10), 4, 1, EveryThird()), index) for index in range(4)]
    assert straight == [next_given(Batches(numbered(10), 4, 1, EveryThird()), index) for index in range(4)]
    assert straight != [next_given(Batches(numbered(10), 4, 2, EveryThird()), index) for index in range(4)]


def next_given(batches: Batches, index: int) -> list[list[bool]]:
    batches.index = index
    given: list[list[bool]] = next(batches).given.tolist()
    return given


def test_tokens_that_are_given_stay_given_and_padding_never_is() -> None:
    tokens = torch.arange(40).view(20, 2)
    batch = next(Batches(Batch(tokens, tokens % 2 == 0, tokens % 5 == 0), 20, 1, EveryThird()))
    assert batch.given[batch.tokens % 5 == 0].all()
    added = batch.given & (batch.tokens % 5 != 0)
    assert added.any()
    assert (added <= batch.valid).all()
