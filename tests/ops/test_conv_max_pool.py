from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from textgan.ops import library
from textgan.ops.conv_max_pool import CompiledConvMaxPool, conv_max_pool, unfold_windows, windows_inside
from textgan.ops.device import DeviceProfile, assume

Shape: TypeAlias = tuple[int, int, int, tuple[tuple[int, int], ...]]
"""B, T, E, and pairs of a width and its number of filters."""
SHAPES: list[Shape] = [
    (1, 1, 1, ((1, 1),)),
    (3, 5, 2, ((5, 4),)),
    (4, 7, 3, ((1, 2), (2, 3))),
    (9, 20, 5, ((20, 3), (1, 5), (7, 2))),
    (6, 11, 4, ((3, 7), (3, 2))),
]
LARGER: list[Shape] = [
    (130, 20, 64, ((3, 33), (1, 100), (20, 31))),
    (5, 9, 3, ((2, 48),)),
    (13, 21, 8, ((20, 160), (2, 1))),
    (2, 30, 4, ((3, 17), (4, 64), (30, 16))),
    (0, 4, 3, ((2, 5),)),
]


def case(shape: Shape, dtype: torch.dtype = torch.float64) -> tuple[Tensor, list[Tensor], Tensor]:
    """Embedded sequences with zeros after their ends, filters, and lengths from 0 to T."""
    rows, length, size, counts = shape
    torch.manual_seed(length)
    lengths = torch.randint(length + 1, (rows,))
    embedded = torch.randn(rows, length, size, dtype=dtype) * (torch.arange(length) < lengths.unsqueeze(1)).unsqueeze(2)
    filters = [torch.randn(count, width * size, dtype=dtype) / (width * size) ** 0.5 for width, count in counts]
    return embedded.requires_grad_(), [weight.requires_grad_() for weight in filters], lengths


def by_torch(embedded: Tensor, filters: Sequence[Tensor], lengths: Tensor) -> Tensor:
    """Computes the same by PyTorch's own operations."""
    best = []
    for weight in filters:
        width = weight.shape[1] // embedded.shape[2]
        windows = embedded.unfold(1, width, 1).transpose(2, 3).flatten(2)  # [B,S,W*E]
        beyond = torch.arange(windows.shape[1]) > (lengths.unsqueeze(1) - width).clamp_min(0)
        best.append(functional.linear(windows, weight).masked_fill(beyond.unsqueeze(2), -torch.inf).amax(1))
    return torch.cat(best, 1)


PLAIN = DeviceProfile(max_logits=1_280_000, is_async=False, prefers_gather=True)


@pytest.fixture(params=["kernel", "plain"])
def path(request: pytest.FixtureRequest) -> Iterator[str]:
    """With the compiled kernel, which is for float32, and without it."""
    if request.param == "kernel":
        if library.load() is None:
            pytest.skip("no compiler, or kernels are turned off")
        yield "kernel"
    else:
        with assume(PLAIN):
            yield "plain"


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("shape", [*SHAPES, *LARGER])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradients_equal_those_of_pytorch(shape: Shape, dtype: torch.dtype) -> None:
    embedded, filters, lengths = case(shape, dtype)
    found, expected = conv_max_pool(embedded, filters, lengths), by_torch(embedded, filters, lengths)
    torch.testing.assert_close(found, expected)
    grad = torch.randn_like(found).relu()  # as before a ReLU: many of them zero
    # The activations of an empty sequence are zero at each window, and PyTorch splits the gradient between them.
    grad[lengths == 0] = 0
    gradients, expected_gradients = (
        torch.autograd.grad(best, [embedded, *filters], grad) for best in (found, expected)
    )
    for one, other in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_first_and_second_derivatives_are_correct(shape: Shape) -> None:
    embedded, filters, lengths = case((min(shape[0], 2), *shape[1:]))
    assert torch.autograd.gradcheck(lambda x, *w: conv_max_pool(x, w, lengths), (embedded, *filters))
    assert torch.autograd.gradgradcheck(lambda x, *w: conv_max_pool(x, w, lengths), (embedded, *filters))


@pytest.mark.usefixtures("path")
def test_nan_propagates() -> None:
    """So that a run that diverges is noticed."""
    for position in range(5):
        embedded, filters, _ = case((3, 5, 2, ((1, 4), (1, 3))), torch.float32)
        with torch.no_grad():
            embedded[1, position] = torch.nan
        found = conv_max_pool(embedded, filters, torch.full((3,), 5))
        assert found[1].isnan().all()
        assert not found[[0, 2]].isnan().any()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("needed", [(1, 0, 0, 0), (0, 1, 1, 1), (0, 0, 1, 0)])
def test_each_gradient_can_be_computed_without_the_others(needed: tuple[int, ...]) -> None:
    found = []
    for function in (conv_max_pool, by_torch):
        embedded, filters, lengths = case(SHAPES[3], torch.float32)
        wanted = [t.requires_grad_(bool(need)) for t, need in zip((embedded, *filters), needed, strict=True)]
        best = function(embedded, filters, lengths)
        found.append(torch.autograd.grad(best.sum(), [t for t in wanted if t.requires_grad]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("threads", [1, 3])
def test_inputs_need_not_be_contiguous(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found = []
    for function in (conv_max_pool, by_torch):
        embedded, filters, lengths = case(SHAPES[4], torch.float32)
        strided = [
            t.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_() for t in (embedded, *filters)
        ]
        grad = torch.linspace(-1, 1, 6 * 9).view(9, 6).t()
        strided_lengths = torch.stack([lengths, lengths], 1)[:, 0]
        found.append(torch.autograd.grad(function(strided[0], strided[1:], strided_lengths), strided, grad))
    torch.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("shape", [SHAPES[3], LARGER[0], LARGER[3]])
def test_the_number_of_threads_does_not_change_the_result(shape: Shape, path: str) -> None:
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        embedded, filters, lengths = case(shape, torch.float32)
        best = conv_max_pool(embedded, filters, lengths)
        found.append([best, *torch.autograd.grad(best.square().sum(), [embedded, *filters])])
    torch.set_num_threads(before)
    if path == "kernel":
        assert all(torch.equal(one, other) for again in found[1:] for one, other in zip(found[0], again, strict=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_gradient_penalty_equals_that_of_pytorch(shape: Shape) -> None:
    """The squared gradient of the inputs, differentiated with respect to inputs and filters."""
    found = []
    for function in (conv_max_pool, by_torch):
        embedded, filters, lengths = case(shape)
        best = function(embedded, filters, lengths.clamp_min(1))
        (grad,) = torch.autograd.grad(best.square().sum(), embedded, create_graph=True)
        found.append(torch.autograd.grad(grad.square().sum(), [embedded, *filters]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("path")
def test_the_first_of_equal_activations_gets_the_gradient() -> None:
    embedded, weight = torch.ones(1, 4, 1, requires_grad=True), torch.ones(1, 1, requires_grad=True)
    conv_max_pool(embedded, [weight], torch.tensor([4])).sum().backward()
    assert embedded.grad is not None
    assert embedded.grad.flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("frozen", [0, 1])
def test_frozen_inputs_do_not_change_the_other_gradient(frozen: int) -> None:
    embedded, filters, lengths = case(SHAPES[4])
    parts = [embedded, filters[0]]
    both = torch.autograd.grad(conv_max_pool(embedded, filters, lengths).sum(), parts)
    parts[frozen].requires_grad_(False)
    (alone,) = torch.autograd.grad(conv_max_pool(embedded, filters, lengths).sum(), [parts[1 - frozen]])
    torch.testing.assert_close(alone, both[1 - frozen])


def compiled() -> CompiledConvMaxPool:
    kernels = library.load()
    if kernels is None:
        pytest.skip("no compiler, or kernels are turned off")
    return CompiledConvMaxPool(kernels)


def test_the_kernel_returns_the_first_window_of_each_maximum() -> None:
    embedded = torch.tensor([[[1.0], [3.0], [3.0], [9.0]], [[2.0], [0.0], [0.0], [0.0]]])
    best, argmax = compiled().forward(embedded, [torch.ones(1, 1), torch.ones(1, 2)], torch.tensor([3, 1]))
    assert best.tolist() == [[3, 6], [2, 2]]
    assert argmax.tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize("columns", [0, 1, 3, 10])
def test_filters_that_do_not_fit_are_refused(columns: int) -> None:
    """E = 2 and T = 4: the number of columns is 2, 4, 6 or 8."""
    with pytest.raises(
        ValueError, match=rf"filters with \[4, {columns}\] columns: expected multiples of 2, up to 4 \* 2"
    ):
        conv_max_pool(torch.randn(3, 4, 2), [torch.randn(5, 4), torch.randn(5, columns)], torch.tensor([4, 4, 4]))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([4, 4]), r"lengths \[2\] torch.int64: expected \[3\] torch.int64"),
        (torch.tensor([4, 4, 4, 4]), r"lengths \[4\]"),
        (torch.tensor([[4, 4, 4]]), r"lengths \[1, 3\]"),
        (torch.tensor([4, 4, 4], dtype=torch.int32), r"lengths \[3\] torch.int32: expected \[3\] torch.int64"),
        (torch.tensor([4.0, 4.0, 4.0]), r"torch.float32: expected \[3\] torch.int64"),
        (torch.tensor([4, 5, 4]), "lengths up to 5: expected at most 4"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths: Tensor, message: str) -> None:
    compiled()
    with pytest.raises(ValueError, match=message):
        conv_max_pool(torch.randn(3, 4, 2), [torch.randn(5, 4)], lengths)


def test_other_dtypes_use_the_plain_form() -> None:
    embedded, filters, lengths = case(SHAPES[3])
    assert conv_max_pool(embedded, filters, lengths).dtype == torch.float64


def test_windows_are_copied_side_by_side() -> None:
    embedded = torch.arange(12.0).view(1, 4, 3)
    assert unfold_windows(embedded, 2).tolist() == [[[0, 1, 2, 3, 4, 5], [3, 4, 5, 6, 7, 8], [6, 7, 8, 9, 10, 11]]]
    assert torch.equal(unfold_windows(embedded, 1), embedded)


def test_a_window_counts_if_it_lies_inside_its_sequence_or_starts_it() -> None:
    found = windows_inside(torch.tensor([0, 1, 2, 4]), 2, 4)
    assert found.int().tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 1]]
    assert windows_inside(torch.tensor([3]), 5, 3).tolist() == [[True]]
