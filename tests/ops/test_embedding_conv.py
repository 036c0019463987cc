"""The kernel of windows against one sentence, one window and one filter at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from textgan.ops import embedding_conv as kernel
from textgan.ops.embedding_conv import LANES, Windows

SHAPES = [
    # V, R, T, W: one of each; filters wider than a sentence; as wide; windows that fill no round; a large vocabulary
    (1, 1, 1, 1),
    (7, 3, 2, 5),
    (7, 40, 6, 6),
    (5, 90, 13, 3),
    (3, 200, 20, 1),
    (50_000, 50, 23, 4),
]


@pytest.fixture(params=[1, 2, 5], ids="{} threads".format)
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def made(x: Tensor, valid: Tensor, size: int) -> Windows:
    found = kernel.load()
    if found is None:
        pytest.skip("no compiler here, or it is switched off")
    return found(x, valid, size)


def by_hand(x: Tensor, valid: Tensor, table: Tensor, bias: Tensor) -> Tensor:
    """relu(largest answer + bias), [R,LANES], in float64."""
    width, found = table.shape[1], []
    for row, real in zip(x, valid, strict=True):
        words = row[real].tolist()
        starts = range(max(1, len(words) - width + 1))
        answers = [
            sum((table[word, k].double() for k, word in enumerate(words[s : s + width])), torch.zeros(LANES).double())
            for s in starts
        ]
        found.append((torch.stack(answers).amax(0) + bias).relu())
    return torch.stack(found)


def sentences(size: int, rows: int, length: int) -> tuple[Tensor, Tensor]:
    """Of all lengths, every other one beginning like the one before it for some words."""
    x, lengths = torch.randint(size, (rows, length)), torch.randint(length + 1, (rows, 1))
    for row in range(1, rows, 2):
        shared = int(torch.randint(length + 1, ()))
        x[row, :shared] = x[row - 1, :shared]
    return x, torch.arange(length) < lengths


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("columns", [1, 7, LANES])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_largest_answers_are_the_formulas(shape: tuple[int, int, int, int], columns: int) -> None:
    size, rows, length, width = shape
    torch.manual_seed(rows)
    x, valid = sentences(size, rows, length)
    table, bias = torch.randn(size, width, LANES), torch.randn(LANES)
    found = torch.full((rows, columns + 3), -7.0)
    made(x, valid, size).largest(table, bias, found[:, 1 : columns + 1])
    expected = by_hand(x, valid, table, bias)[:, :columns].float()
    torch.testing.assert_close(found[:, 1 : columns + 1], expected)
    beside = torch.cat([found[:, :1], found[:, columns + 1 :]], 1)
    assert (beside == -7.0).all(), "wrote beside its columns"


def test_completions_of_one_prefix_are_each_their_own() -> None:
    """What is shared is taken over, what differs is not: at every prefix length, and where sentences end early."""
    torch.manual_seed(1)
    base = torch.randint(9, (12,))
    x = base.repeat(13 * 12, 1)
    for row in range(len(x)):
        x[row, row // 12 :] = torch.randint(9, (12 - row // 12,)) if row // 12 < 12 else x[row, row // 12 :]
    valid = torch.arange(12) < torch.arange(len(x)).unsqueeze(1) % 12 + 1
    table, bias, found = torch.randn(9, 3, LANES), torch.randn(LANES), torch.empty(len(x), LANES)
    for order in (torch.arange(len(x)), torch.arange(len(x)).flip(0), torch.randperm(len(x))):
        made(x[order], valid[order], 9).largest(table, bias, found)
        torch.testing.assert_close(found, by_hand(x[order], valid[order], table, bias).float())


def test_padding_is_never_read_and_other_ids_are_refused() -> None:
    x, valid = torch.tensor([[1, 2, 10**9], [0, -5, 7]]), torch.tensor([[True, True, False], [True, False, False]])
    table, bias, found = torch.randn(3, 2, LANES), torch.zeros(LANES), torch.empty(2, LANES)
    made(x, valid, 3).largest(table, bias, found)
    torch.testing.assert_close(found, by_hand(x, valid, table, bias).float())
    for wrong in (3, -1):
        with pytest.raises(IndexError, match=rf"ids must lie in 0 to 2; these reach from .*{wrong}"):
            made(torch.tensor([[wrong, 1]]), torch.ones(1, 2, dtype=torch.bool), 3)


def test_what_is_not_contiguous_is_read_as_it_is() -> None:
    torch.manual_seed(2)
    x, valid = sentences(6, 14, 8)
    table, bias = torch.randn(2, LANES, 6).permute(2, 0, 1), torch.randn(LANES, 2)[:, 0]
    found = torch.empty(14, LANES)
    made(x.t().contiguous().t(), valid.t().contiguous().t(), 6).largest(table, bias, found)
    torch.testing.assert_close(found, by_hand(x, valid, table, bias).float())


def test_no_sentences_are_no_error() -> None:
    x = torch.zeros(0, 4, dtype=torch.long)
    made(x, x.bool(), 5).largest(torch.randn(5, 2, LANES), torch.zeros(LANES), torch.empty(0, LANES))
