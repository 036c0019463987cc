"""Compares the kernel with a loop over sequences, windows and filters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from textgan.ops import library
from textgan.ops.device import DeviceProfile, assume
from textgan.ops.embedding_conv import LANES, Filters, SortedSequences, embedding_conv

SHAPES = [
    # V, R, T, W: one of each; filters wider than a sequence; as wide; odd numbers of windows; a large vocabulary
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


def sort(x: Tensor, valid: Tensor, size: int) -> SortedSequences:
    kernels = library.load()
    if kernels is None:
        pytest.skip("no compiler, or kernels are turned off")
    return SortedSequences(kernels, x, valid, size)


def by_hand(x: Tensor, valid: Tensor, table: Tensor, bias: Tensor) -> Tensor:
    """Computes relu(largest activation + bias), [R,LANES], in float64."""
    width, found = table.shape[1], []
    for row, real in zip(x, valid, strict=True):
        tokens = row[real].tolist()
        starts = range(max(1, len(tokens) - width + 1))
        activations = [
            sum(
                (table[token, k].double() for k, token in enumerate(tokens[s : s + width])), torch.zeros(LANES).double()
            )
            for s in starts
        ]
        found.append((torch.stack(activations).amax(0) + bias).relu())
    return torch.stack(found)


def sequences(size: int, rows: int, length: int) -> tuple[Tensor, Tensor]:
    """Sequences of all lengths; every other one shares a prefix with the one before it."""
    x, lengths = torch.randint(size, (rows, length)), torch.randint(length + 1, (rows, 1))
    for row in range(1, rows, 2):
        shared = int(torch.randint(length + 1, ()))
        x[row, :shared] = x[row - 1, :shared]
    return x, torch.arange(length) < lengths


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("columns", [1, 7, LANES])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_kernel_computes_the_formula(shape: tuple[int, int, int, int], columns: int) -> None:
    size, rows, length, width = shape
    torch.manual_seed(rows)
    x, valid = sequences(size, rows, length)
    table, bias = torch.randn(size, width, LANES), torch.randn(LANES)
    found = torch.full((rows, columns + 3), -7.0)
    sort(x, valid, size).conv_max(table, bias, found[:, 1 : columns + 1])
    expected = by_hand(x, valid, table, bias)[:, :columns].float()
    torch.testing.assert_close(found[:, 1 : columns + 1], expected)
    beside = torch.cat([found[:, :1], found[:, columns + 1 :]], 1)
    assert (beside == -7.0).all(), "wrote outside its columns"


def test_completions_of_one_prefix_are_told_apart() -> None:
    """Shared prefixes are reused, the rest is not: at every prefix length, and where sequences end early."""
    torch.manual_seed(1)
    base = torch.randint(9, (12,))
    x = base.repeat(13 * 12, 1)
    for row in range(len(x)):
        x[row, row // 12 :] = torch.randint(9, (12 - row // 12,)) if row // 12 < 12 else x[row, row // 12 :]
    valid = torch.arange(12) < torch.arange(len(x)).unsqueeze(1) % 12 + 1
    table, bias, found = torch.randn(9, 3, LANES), torch.randn(LANES), torch.empty(len(x), LANES)
    for order in (torch.arange(len(x)), torch.arange(len(x)).flip(0), torch.randperm(len(x))):
        sort(x[order], valid[order], 9).conv_max(table, bias, found)
        torch.testing.assert_close(found, by_hand(x[order], valid[order], table, bias).float())


def test_padding_is_not_read_and_ids_out_of_range_are_refused() -> None:
    x, valid = torch.tensor([[1, 2, 10**9], [0, -5, 7]]), torch.tensor([[True, True, False], [True, False, False]])
    table, bias, found = torch.randn(3, 2, LANES), torch.zeros(LANES), torch.empty(2, LANES)
    sort(x, valid, 3).conv_max(table, bias, found)
    torch.testing.assert_close(found, by_hand(x, valid, table, bias).float())
    for wrong in (3, -1):
        with pytest.raises(IndexError, match=r"ids from -?\d+ to -?\d+: out of range; expected 0 to 2"):
            sort(torch.tensor([[wrong, 1]]), torch.ones(1, 2, dtype=torch.bool), 3)


def test_inputs_need_not_be_contiguous() -> None:
    torch.manual_seed(2)
    x, valid = sequences(6, 14, 8)
    table, bias = torch.randn(2, LANES, 6).permute(2, 0, 1), torch.randn(LANES, 2)[:, 0]
    found = torch.empty(14, LANES)
    sort(x.t().contiguous().t(), valid.t().contiguous().t(), 6).conv_max(table, bias, found)
    torch.testing.assert_close(found, by_hand(x, valid, table, bias).float())


def test_no_sequences_are_accepted() -> None:
    x = torch.zeros(0, 4, dtype=torch.long)
    sort(x, x.bool(), 5).conv_max(torch.randn(5, 2, LANES), torch.zeros(LANES), torch.empty(0, LANES))


@pytest.mark.parametrize(
    ("table", "bias", "out", "message"),
    [
        (torch.randn(4, 2, LANES), torch.zeros(LANES), torch.empty(3, LANES), r"table .*expected \[5,W,16\], \[16\]"),
        (torch.randn(5, 2, 8), torch.zeros(LANES), torch.empty(3, LANES), "table"),
        (torch.randn(5, 2, LANES), torch.zeros(8), torch.empty(3, LANES), r"bias \[8\]"),
        (torch.randn(5, 2, LANES), torch.zeros(LANES), torch.empty(2, LANES), r"out \[2, 16\]: expected \[3,n\]"),
        (torch.randn(5, 2, LANES), torch.zeros(LANES), torch.empty(3, LANES + 1), "n <= 16"),
        (torch.randn(5, 2, LANES), torch.zeros(LANES), torch.empty(LANES, 3).t(), "columns side by side"),
        (torch.randn(5, 2, LANES).double(), torch.zeros(LANES), torch.empty(3, LANES), "table torch.float64"),
        (torch.randn(5, 2, LANES), torch.zeros(LANES).half(), torch.empty(3, LANES), "bias torch.float16"),
        (torch.randn(5, 2, LANES), torch.zeros(LANES), torch.empty(3, LANES).double(), "out torch.float64: expected"),
    ],
)
def test_shapes_and_dtypes_that_do_not_fit_are_refused(table: Tensor, bias: Tensor, out: Tensor, message: str) -> None:
    x, valid = sequences(5, 3, 4)
    with pytest.raises(ValueError, match=message):
        sort(x, valid, 5).conv_max(table, bias, out)


PROFILES = {
    "kernel": DeviceProfile(10**6, is_async=False, prefers_gather=True, compiled_kernels=True),
    "tables": DeviceProfile(10**6, is_async=False, prefers_gather=True),
    "tables in chunks": DeviceProfile(40, is_async=False, prefers_gather=True),
    "dense": DeviceProfile(10**6, is_async=True, prefers_gather=False),
    "dense in chunks": DeviceProfile(3, is_async=True, prefers_gather=False),
}


FILTERS = [(2, 5), (9, 20)]
"""Widths and numbers of filters; the second are wider than any sequence."""


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_forms_compute_the_same(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(4)
    x, valid = sequences(6, 30, 7)
    embedding = torch.randn(6, 3, dtype=dtype)
    filters = [Filters(w, torch.randn(n, 3 * w, dtype=dtype), torch.randn(n, dtype=dtype)) for w, n in FILTERS]
    calls = []

    def dense(embedded: Tensor, valid: Tensor) -> Tensor:
        calls.append(len(embedded))
        padded = torch.nn.functional.pad(embedded * valid.unsqueeze(2), (0, 0, 0, 9))
        starts, pooled = torch.arange(7), []
        for width, weight, bias in filters:
            each = torch.stack([padded[:, s : s + width].flatten(1) @ weight.t() for s in range(7)], 1)  # [B,S,F]
            counts = (starts + width <= valid.sum(1, keepdim=True)) | (starts == 0)
            pooled.append((each.masked_fill(~counts.unsqueeze(2), -torch.inf).amax(1) + bias).relu())
        return torch.cat(pooled, 1)

    expected = dense(embedding[x], valid)
    calls.clear()
    with assume(PROFILES[name]):
        torch.testing.assert_close(embedding_conv(filters, embedding, x, valid, dense), expected)
    assert bool(calls) is name.startswith("dense")
    assert (len(calls) > 1) is (name == "dense in chunks")
