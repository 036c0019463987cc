from __future__ import annotations

from itertools import islice

import pytest
import torch

from textgan.data.batches import Batches
from textgan.core.types import Batch


def numbered(rows: int) -> Batch:
    tokens = torch.arange(rows).unsqueeze(1)
    return Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))


def flat(drawn: list[list[int]]) -> list[int]:
    return [row for batch in drawn for row in batch]


def rows(batches: Batches, count: int) -> list[list[int]]:
    return [batch.tokens[:, 0].tolist() for batch in islice(batches, count)]


def test_an_epoch_is_a_permutation_without_its_last_piece() -> None:
    batches = Batches(numbered(10), 3, seed=1)
    epochs = [flat(rows(batches, 3)) for _ in range(3)]
    assert all(len(set(epoch)) == 9 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert rows(Batches(numbered(10), 3, seed=1), 3) != rows(Batches(numbered(10), 3, seed=2), 3)


def test_every_row_comes_up_equally_often() -> None:
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


def test_few_rows_follow_one_another_without_a_gap() -> None:
    drawn = rows(Batches(numbered(4), 6, seed=1), 4)
    assert [len(batch) for batch in drawn] == [6] * 4
    assert all(sorted(flat(drawn)[start : start + 4]) == [0, 1, 2, 3] for start in range(0, 24, 4))


def test_all_parts_of_a_row_stay_together_and_chance_is_its_own() -> None:
    tokens = torch.arange(40).view(20, 2)
    batches = Batches(Batch(tokens, tokens % 3 == 0, tokens % 5 == 0), 6, seed=1)
    before = torch.get_rng_state()
    batch = next(batches)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(batch.valid, batch.tokens % 3 == 0)
    assert torch.equal(batch.given, batch.tokens % 5 == 0)


def test_nothing_to_draw_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="out of 0"):
        Batches(numbered(0), 3, seed=1)
