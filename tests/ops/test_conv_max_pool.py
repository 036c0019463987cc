from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from textgan.ops.device import describe
from textgan.ops import winners_tmp
from textgan.ops.conv_max_pool import strongest

Shape: TypeAlias = tuple[int, int, int, tuple[tuple[int, int], ...]]
"""B, T, E, and the widths of filters with how many there are of each."""
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
    rows, length, size, banks = shape
    torch.manual_seed(length)
    lengths = torch.randint(length + 1, (rows,))
    words = torch.randn(rows, length, size, dtype=dtype) * (torch.arange(length) < lengths.unsqueeze(1)).unsqueeze(2)
    weights = [torch.randn(filters, width * size, dtype=dtype) / (width * size) ** 0.5 for width, filters in banks]
    return words.requires_grad_(), [weight.requires_grad_() for weight in weights], lengths


def by_torch(words: Tensor, banks: Sequence[Tensor], lengths: Tensor) -> Tensor:
    """PyTorch's own chain."""
    best = []
    for bank in banks:
        width = bank.shape[1] // words.shape[2]
        seen = words.unfold(1, width, 1).transpose(2, 3).flatten(2)  # [B,S,W*E]
        beyond = torch.arange(seen.shape[1]) > (lengths.unsqueeze(1) - width).clamp_min(0)
        best.append(functional.linear(seen, bank).masked_fill(beyond.unsqueeze(2), -torch.inf).amax(1))
    return torch.cat(best, 1)


@pytest.fixture(params=["kernel", "plain"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the compiled kernel, which is for float32, and without it."""
    if request.param == "kernel" and winners_tmp.load() is None:
        pytest.skip("no compiler here, or it is switched off")
    if request.param == "plain":
        monkeypatch.setattr(winners, "load", lambda: None)
    name: str = request.param
    return name


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("shape", [*SHAPES, *LARGER])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradients_are_those_of_the_chain(shape: Shape, dtype: torch.dtype) -> None:
    words, banks, lengths = case(shape, dtype)
    found, expected = strongest(words, banks, lengths), by_torch(words, banks, lengths)
    torch.testing.assert_close(found, expected)
    grad = torch.randn_like(found).relu()  # as behind a ReLU: many of them zero
    # An answer of a sentence without words is zero at each place, and PyTorch's chain pays all of them.
    grad[lengths == 0] = 0
    ours, theirs = (torch.autograd.grad(best, [words, *banks], grad) for best in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_both_derivatives_are_slopes(shape: Shape) -> None:
    words, banks, lengths = case((min(shape[0], 2), *shape[1:]))
    assert torch.autograd.gradcheck(lambda x, *w: strongest(x, w, lengths), (words, *banks))
    assert torch.autograd.gradgradcheck(lambda x, *w: strongest(x, w, lengths), (words, *banks))


@pytest.mark.usefixtures("path")
def test_what_is_no_number_is_passed_on() -> None:
    """A run that has gone astray has to be seen to."""
    for place in range(5):
        words, banks, _ = case((3, 5, 2, ((1, 4), (1, 3))), torch.float32)
        with torch.no_grad():
            words[1, place] = torch.nan
        found = strongest(words, banks, torch.full((3,), 5))
        assert found[1].isnan().all()
        assert not found[[0, 2]].isnan().any()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("needed", [(1, 0, 0, 0), (0, 1, 1, 1), (0, 0, 1, 0)])
def test_one_gradient_is_had_without_the_others(needed: tuple[int, ...]) -> None:
    found = []
    for function in (strongest, by_torch):
        words, banks, lengths = case(SHAPES[3], torch.float32)
        wanted = [t.requires_grad_(bool(need)) for t, need in zip((words, *banks), needed, strict=True)]
        best = function(words, banks, lengths)
        found.append(torch.autograd.grad(best.sum(), [t for t in wanted if t.requires_grad]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("threads", [1, 3])
def test_tensors_may_lie_in_memory_as_they_like(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found = []
    for function in (strongest, by_torch):
        words, banks, lengths = case(SHAPES[4], torch.float32)
        turned = [t.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_() for t in (words, *banks)]
        grad = torch.linspace(-1, 1, 6 * 9).view(9, 6).t()
        apart = torch.stack([lengths, lengths], 1)[:, 0]
        found.append(torch.autograd.grad(function(turned[0], turned[1:], apart), turned, grad))
    torch.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("shape", [SHAPES[3], LARGER[0], LARGER[3]])
def test_threads_do_not_change_a_digit(shape: Shape) -> None:
    before, found = torch.get_num_threads(), []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        words, banks, lengths = case(shape, torch.float32)
        best = strongest(words, banks, lengths)
        found.append([best, *torch.autograd.grad(best.square().sum(), [words, *banks])])
    torch.set_num_threads(before)
    if describe(words.device).winners() is not None:
        assert all(torch.equal(one, other) for again in found[1:] for one, other in zip(found[0], again, strict=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_penalty_on_the_slope_is_that_of_the_chain(shape: Shape) -> None:
    """What a gradient penalty does: the squared slope towards the words, differentiated by the filters."""
    found = []
    for function in (strongest, by_torch):
        words, banks, lengths = case(shape)
        best = function(words, banks, lengths.clamp_min(1))
        (slope,) = torch.autograd.grad(best.square().sum(), words, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [words, *banks]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("path")
def test_equal_answers_pay_the_first_window() -> None:
    words, weight = torch.ones(1, 4, 1, requires_grad=True), torch.ones(1, 1, requires_grad=True)
    strongest(words, [weight], torch.tensor([4])).sum().backward()
    assert words.grad is not None
    assert words.grad.flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("frozen", [0, 1])
def test_what_rests_has_no_gradient_and_changes_none(frozen: int) -> None:
    words, banks, lengths = case(SHAPES[4])
    parts = [words, banks[0]]
    both = torch.autograd.grad(strongest(words, banks, lengths).sum(), parts)
    parts[frozen].requires_grad_(False)
    (alone,) = torch.autograd.grad(strongest(words, banks, lengths).sum(), [parts[1 - frozen]])
    torch.testing.assert_close(alone, both[1 - frozen])
