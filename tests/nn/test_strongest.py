from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from textgan.kernels import winners
from textgan.nn.strongest import strongest

SHAPES = [(1, 1, 1, 1, 1), (3, 5, 2, 5, 4), (4, 7, 3, 1, 2), (9, 20, 5, 20, 3), (6, 11, 4, 3, 7)]  # B, T, E, W, F
LARGER = [(130, 20, 64, 3, 33), (5, 9, 3, 2, 48), (13, 21, 8, 20, 160), (2, 30, 4, 3, 17), (0, 4, 3, 2, 5)]


def case(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    rows, length, size, width, filters = shape
    torch.manual_seed(length)
    inside = torch.rand(rows, length - width + 1) < 0.7
    inside[:, 0] |= ~inside.any(1)
    words, weight = (torch.randn(*sides, dtype=dtype) for sides in ((rows, length, size), (filters, width * size)))
    return words.requires_grad_(), weight.requires_grad_(), inside


def by_torch(words: Tensor, weight: Tensor, inside: Tensor) -> Tensor:
    """PyTorch's own chain."""
    width = weight.shape[1] // words.shape[2]
    seen = words.unfold(1, width, 1).transpose(2, 3).flatten(2)  # [B,S,W*E]
    return functional.linear(seen, weight).masked_fill(~inside.unsqueeze(2), -torch.inf).amax(1)


@pytest.fixture(params=["kernel", "plain"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the compiled kernel, which is for float32, and without it."""
    if request.param == "kernel" and winners.load() is None:
        pytest.skip("no compiler here, or it is switched off")
    if request.param == "plain":
        monkeypatch.setattr(winners, "load", lambda: None)
    name: str = request.param
    return name


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("shape", [*SHAPES, *LARGER])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradients_are_those_of_the_chain(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    words, weight, inside = case(shape, dtype)
    found, expected = strongest(words, weight, inside), by_torch(words, weight, inside)
    torch.testing.assert_close(found, expected)
    grad = torch.randn_like(found).relu()  # as behind a ReLU: many of them zero
    ours, theirs = (torch.autograd.grad(best, [words, weight], grad) for best in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_both_derivatives_are_slopes(shape: tuple[int, ...]) -> None:
    words, weight, inside = case((min(shape[0], 2), *shape[1:]))
    assert torch.autograd.gradcheck(lambda x, w: strongest(x, w, inside), (words, weight))
    assert torch.autograd.gradgradcheck(lambda x, w: strongest(x, w, inside), (words, weight))


@pytest.mark.usefixtures("path")
def test_what_is_no_number_is_passed_on() -> None:
    """A run that has gone astray has to be seen to."""
    for place in range(5):
        words, weight, inside = case((3, 5, 2, 1, 4), torch.float32)
        inside[:] = True
        with torch.no_grad():
            words[1, place] = torch.nan
        found = strongest(words, weight, inside)
        assert found[1].isnan().all()
        assert not found[[0, 2]].isnan().any()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("needed", [(True, False), (False, True)])
def test_one_gradient_is_had_without_the_other(needed: tuple[bool, bool]) -> None:
    found = []
    for function in (strongest, by_torch):
        words, weight, inside = case(SHAPES[3], torch.float32)
        wanted = [t.requires_grad_(need) for t, need in zip((words, weight), needed, strict=True)]
        found += torch.autograd.grad(function(*wanted, inside).sum(), [t for t in wanted if t.requires_grad])
    torch.testing.assert_close(*found)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("threads", [1, 3])
def test_words_and_gradients_may_lie_in_memory_as_they_like(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found = []
    for function in (strongest, by_torch):
        words, weight, inside = case(SHAPES[4], torch.float32)
        turned = words.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
        grad = torch.linspace(-1, 1, 6 * 7).view(7, 6).t()
        found.append(torch.autograd.grad(function(turned, weight, inside), [turned, weight], grad))
    torch.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_penalty_on_the_slope_is_that_of_the_chain(shape: tuple[int, ...]) -> None:
    """What a gradient penalty does: the squared slope towards the words, differentiated by the filters."""
    found = []
    for function in (strongest, by_torch):
        words, weight, inside = case(shape)
        (slope,) = torch.autograd.grad(function(words, weight, inside).square().sum(), words, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), [words, weight]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("path")
def test_equal_answers_pay_the_first_window_that_counts() -> None:
    words, weight = torch.ones(1, 4, 1, requires_grad=True), torch.ones(1, 1, requires_grad=True)
    inside = torch.tensor([[False, True, True, True]])
    strongest(words, weight, inside).sum().backward()
    assert words.grad is not None
    assert words.grad.flatten().tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("frozen", [0, 1])
def test_what_rests_has_no_gradient_and_changes_none(frozen: int) -> None:
    words, weight, inside = case(SHAPES[4])
    both = torch.autograd.grad(strongest(words, weight, inside).sum(), [words, weight])
    parts = [words, weight]
    parts[frozen].requires_grad_(False)
    (alone,) = torch.autograd.grad(strongest(words, weight, inside).sum(), [parts[1 - frozen]])
    torch.testing.assert_close(alone, both[1 - frozen])
