"""The kernels of words against float64 and plain formulas, on shapes that nothing was tuned for.

Triton's need a GPU, or `pip install triton`, whose interpreter then runs them here.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.ops import linear_sample as compiled
from textgan.ops.linear_sample import WordKernel

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

Made: TypeAlias = Callable[[Tensor, Tensor], WordKernel]

SHAPES = [
    # V, H, R: one of each; odd ones; a block of words exactly, and one more; rows that fill no tile; many blocks
    (1, 1, 1),
    (2, 3, 1),
    (7, 5, 3),
    (64, 32, 85),
    (65, 32, 81),
    (5000, 32, 200),
    (50_000, 16, 64),
]
LAST = 1 - 2**-24
"""The largest chance that float32 knows."""


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(params=["compiled", "triton"])
def made(request: pytest.FixtureRequest) -> Made:
    """Makes a kernel of a weight and a bias."""
    if request.param == "triton":
        if importlib.util.find_spec("triton") is None:
            pytest.skip("Triton is not installed")
        if request.node.callspec.params.get("threads", 1) > 1:
            pytest.skip("Triton has no threads")
        from textgan.ops.experimental.triton_linear import BlockWords

        return lambda weight, bias: OnDevice(BlockWords(*moved(weight, bias), at_once=100_000))
    found = compiled.load()
    if found is None:
        pytest.skip("no compiler here, or it is switched off")
    return found


class OnDevice:
    """A kernel where it has to be, asked from here."""

    def __init__(self, kernel: WordKernel) -> None:
        self.kernel = kernel

    def draw(self, features: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        return self.kernel.draw(*moved(features, chance), shifted).cpu()

    def normaliser(self, features: Tensor, shifted: bool) -> Tensor:
        return self.kernel.normaliser(*moved(features), shifted).cpu()

    def gradients(self, features: Tensor, norm: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        to_features, to_weight, to_bias = self.kernel.gradients(*moved(features, norm, grad))
        return to_features.cpu(), to_weight.cpu(), to_bias.cpu()


def moved(*tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.to("cuda" if torch.cuda.is_available() else "cpu") for tensor in tensors)


def case(shape: tuple[int, int, int], scale: float = 2.0) -> tuple[Tensor, Tensor, Tensor]:
    """Features in (-1, 1) as an LSTM's are, and a layer whose logits have about the standard deviation `scale`."""
    size, hidden, rows = shape
    torch.manual_seed(size)
    features = torch.randn(rows, hidden).tanh()
    return features, scale * torch.randn(size, hidden) / hidden**0.5, 0.3 * scale * torch.randn(size)


def exact(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Logits in float64, [R,V]."""
    return features.double() @ weight.double().t() + bias.double()


def check_words(words: Tensor, chance: Tensor, logits: Tensor, tolerance: float) -> None:
    """Each word's interval holds its chance, up to rounding; nearly all are the very words of float64."""
    cdf = logits.softmax(1).cumsum(1)
    expected = torch.searchsorted(cdf, chance.double().unsqueeze(1), right=True).clamp_max(logits.shape[1] - 1)
    upper = cdf.gather(1, words.unsqueeze(1))
    lower = upper - logits.softmax(1).gather(1, words.unsqueeze(1))
    inside = (lower - tolerance <= chance.unsqueeze(1)) & (chance.unsqueeze(1) <= upper + tolerance)
    assert inside.all()
    assert (words == expected[:, 0]).double().mean() >= 0.97


@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("shape", SHAPES)
def test_words_are_those_of_the_inverse_cdf(
    shape: tuple[int, int, int], shifted: bool, threads: int, made: Made
) -> None:
    features, weight, bias = case(shape)
    chance = torch.rand(len(features))
    words = made(weight, bias).draw(features, chance, shifted)
    check_words(words, chance, exact(features, weight, bias), 1e-6)


@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("shape", SHAPES)
def test_normalisers_are_logsumexp(shape: tuple[int, int, int], shifted: bool, threads: int, made: Made) -> None:
    features, weight, bias = case(shape)
    found = made(weight, bias).normaliser(features, shifted)
    torch.testing.assert_close(found.double(), exact(features, weight, bias).logsumexp(1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scale", [2.0, 300.0], ids=["small logits", "huge logits"])
@pytest.mark.parametrize("shape", [*SHAPES, (300, 64, 41), (1000, 17, 1003), (130, 33, 7)])
def test_gradients_of_normalisers(shape: tuple[int, int, int], scale: float, threads: int, made: Made) -> None:
    """Also sizes that fill no vector, rows that fill no sheet, and more threads than blocks of words."""
    features, weight, bias = case(shape, scale)
    grad, words = torch.randn(len(features)), made(weight, bias)
    exactly = [part.double().requires_grad_() for part in (features, weight, bias)]
    value = (exact(*exactly).logsumexp(1) * grad.double()).sum()
    expected = torch.autograd.grad(value, exactly)
    found = words.gradients(features, words.normaliser(features, True), grad)
    for one, other in zip(found, expected, strict=True):
        tolerance = float(other.abs().max()) * (1e-5 if scale < 60 else 1e-3)  # a logit's own rounding, exponentiated
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=tolerance)


@pytest.mark.parametrize("forbidden_ids", [-1e4, -torch.inf])
def test_barred_words_and_rows_of_no_weight_pass_nothing_back(never: float, made: Made) -> None:
    features, weight, _ = case((130, 5, 43))
    forbidden = torch.arange(130) % 3 != 0
    words = made(weight, torch.where(forbidden, never, 0.0))
    grad = torch.where(torch.arange(43) % 2 == 0, 0.0, 1.0)
    to_features, to_weight, to_bias = words.gradients(features, words.normaliser(features, True), grad)
    assert not to_features[::2].any()
    assert not to_weight[forbidden].any()
    assert not to_bias[forbidden].any()
    torch.testing.assert_close(to_bias.sum(), grad.sum())
    nothing = words.gradients(features[:0], grad[:0], grad[:0])
    assert [part.abs().sum() for part in nothing] == [0, 0, 0]
    assert [tuple(part.shape) for part in nothing] == [(0, 5), (130, 5), (130,)]


@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_like_the_one_before_have_words_of_their_own(
    shape: tuple[int, int, int], shifted: bool, made: Made
) -> None:
    """As many times over as completions of one prefix stand beside each other, across panels and threads."""
    features, weight, bias = case(shape)
    features = features.repeat_interleave(torch.arange(len(features)) % 90 + 1, 0)[:3000]
    chance, words = torch.rand(len(features)), made(weight, bias)
    check_words(words.draw(features, chance, shifted), chance, exact(features, weight, bias), 1e-6)
    expected = exact(features, weight, bias).logsumexp(1)
    torch.testing.assert_close(words.normaliser(features, shifted).double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("offset", [0.0, 900.0, -900.0])
def test_huge_logits_need_the_shift_and_no_more(shape: tuple[int, int, int], offset: float, made: Made) -> None:
    features, weight, bias = case(shape, scale=300.0)
    bias = bias + offset
    logits, words = exact(features, weight, bias), made(weight, bias)
    assert len(weight) < 64 or logits.abs().max() > 500
    chance = torch.rand(len(features))
    check_words(words.draw(features, chance, True), chance, logits, 1e-3)
    torch.testing.assert_close(words.normaliser(features, True).double(), logits.logsumexp(1), rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("shape", [(2, 3, 4000), (7, 5, 4000), (65, 4, 4000), (500, 8, 8000)])
def test_words_come_as_often_as_they_should(
    shape: tuple[int, int, int], shifted: bool, threads: int, made: Made
) -> None:
    features, weight, bias = case(shape)
    features[:] = features[0]
    words = made(weight, bias).draw(features, torch.rand(len(features)), shifted)
    assert p_value(words, exact(features[:1], weight, bias)[0].softmax(0)) > 1e-3


@pytest.mark.parametrize("chance", [0.0, 0.5, LAST])
@pytest.mark.parametrize("forbidden_ids", [-1e4, -torch.inf])
@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("size", [2, 9, 64, 65, 130, 1000])
def test_barred_words_are_never_drawn(size: int, shifted: bool, never: float, chance: float, made: Made) -> None:
    """Whatever the chance, and whichever are forbidden: the first, the last, whole blocks, all but one."""
    features, weight, _ = case((size, 5, 40))
    patterns = [torch.rand(size) < share for share in (0.2, 0.5, 0.9, 0.99)]
    first, last, alone = torch.zeros(size, dtype=torch.bool), torch.zeros(size, dtype=torch.bool), torch.ones(size)
    first[: size // 2], last[size // 2 :], alone = True, True, alone.bool()
    for forbidden in [*patterns, first, last, alone]:
        forbidden[size // 3] = False
        bias = torch.where(forbidden, never, 0.0)
        words = made(weight, bias).draw(features, torch.full((40,), chance), shifted)
        assert not forbidden[words].any()
        allowed = (~forbidden).nonzero()[:, 0]
        expected = {0.0: allowed[0], LAST: allowed[-1]}.get(chance)
        if expected is not None and len(allowed) < 100:  # each of them has then more than a rounding error's share
            assert (words == expected).all()
        normaliser = exact(features, weight, bias).logsumexp(1)
        found = made(weight, bias).normaliser(features, shifted)
        torch.testing.assert_close(found.double(), normaliser, rtol=1e-6, atol=2e-6)


def test_rows_that_are_strided_or_missing(made: Made) -> None:
    features, weight, bias = case((70, 6, 21))
    words, chance = made(weight, bias), torch.rand(42)
    spread = torch.randn(21, 12)
    spread[:, ::2] = features
    assert torch.equal(
        words.draw(spread[:, ::2], chance[::2], False), words.draw(features, chance[::2].contiguous(), False)
    )
    assert words.draw(features[:0], chance[:0], True).shape == (0,)
    assert words.normaliser(features[:0], False).shape == (0,)


def test_one_thread_and_many_draw_the_same(made: Made) -> None:
    features, weight, bias = case((300, 8, 1003))
    words, chance, before = made(weight, bias), torch.rand(1003), torch.get_num_threads()
    found = []
    for count in (1, 2, 3, 16):  # the last has more threads than there are panels of rows
        torch.set_num_threads(count)
        found.append(words.draw(features, chance, False))
    torch.set_num_threads(before)
    assert all(torch.equal(found[0], other) for other in found[1:])
