"""Compares the kernels of a linear layer with float64 and plain formulas, on shapes that they were not tuned for.

The Triton kernels need a GPU, or `pip install triton`, whose interpreter then runs them on the CPU.
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

from textgan.ops import library
from textgan.ops.device import DeviceProfile, assume
from textgan.ops.linear_kernel import find_kernel
from textgan.ops.linear_sample import CompiledLinear, LinearKernel, linear_sample, log_normalizer

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

Factory: TypeAlias = Callable[[Tensor, Tensor], LinearKernel]

SHAPES = [
    # V, H, R: one of each; odd ones; exactly one block of tokens, and one more; rows that fill no tile; many blocks
    (1, 1, 1),
    (2, 3, 1),
    (7, 5, 3),
    (64, 32, 85),
    (65, 32, 81),
    (5000, 32, 200),
    (50_000, 16, 64),
]
LAST = 1 - 2**-24
"""The largest uniform number in float32."""


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(params=["compiled", "triton"])
def make(request: pytest.FixtureRequest) -> Factory:
    """Makes a kernel from a weight and a bias."""
    if request.param == "triton":
        if importlib.util.find_spec("triton") is None:
            pytest.skip("Triton is not installed")
        if request.node.callspec.params.get("threads", 1) > 1:
            pytest.skip("Triton has no threads")
        from textgan.ops.experimental.triton_linear import TritonLinear

        return lambda weight, bias: OnDevice(TritonLinear(*moved(weight, bias)))
    kernels = library.load()
    if kernels is None:
        pytest.skip("no compiler, or kernels are turned off")
    return lambda weight, bias: CompiledLinear(kernels, weight, bias)


class OnDevice:
    """Moves a kernel's inputs to its device, and its outputs back."""

    def __init__(self, kernel: LinearKernel) -> None:
        self.kernel = kernel

    def sample(self, features: Tensor, uniforms: Tensor, shifted: bool) -> Tensor:
        return self.kernel.sample(*moved(features, uniforms), shifted).cpu()

    def log_normalizer(self, features: Tensor, shifted: bool) -> Tensor:
        return self.kernel.log_normalizer(*moved(features), shifted).cpu()


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


def check_tokens(tokens: Tensor, uniforms: Tensor, logits: Tensor, tolerance: float) -> None:
    """Each token's interval contains its uniform number, up to rounding; at least 97 % equal those of float64."""
    cdf = logits.softmax(1).cumsum(1)
    expected = torch.searchsorted(cdf, uniforms.double().unsqueeze(1), right=True).clamp_max(logits.shape[1] - 1)
    upper = cdf.gather(1, tokens.unsqueeze(1))
    lower = upper - logits.softmax(1).gather(1, tokens.unsqueeze(1))
    inside = (lower - tolerance <= uniforms.unsqueeze(1)) & (uniforms.unsqueeze(1) <= upper + tolerance)
    assert inside.all()
    assert (tokens == expected[:, 0]).double().mean() >= 0.97


@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("shape", SHAPES)
def test_tokens_are_those_of_the_inverse_cdf(
    shape: tuple[int, int, int], shifted: bool, threads: int, make: Factory
) -> None:
    features, weight, bias = case(shape)
    uniforms = torch.rand(len(features))
    tokens = make(weight, bias).sample(features, uniforms, shifted)
    check_tokens(tokens, uniforms, exact(features, weight, bias), 1e-6)


@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("shape", SHAPES)
def test_normalizers_are_logsumexp(shape: tuple[int, int, int], shifted: bool, threads: int, make: Factory) -> None:
    features, weight, bias = case(shape)
    found = make(weight, bias).log_normalizer(features, shifted)
    torch.testing.assert_close(found.double(), exact(features, weight, bias).logsumexp(1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("shape", SHAPES)
def test_equal_rows_get_tokens_of_their_own(shape: tuple[int, int, int], shifted: bool, make: Factory) -> None:
    """Runs of 1 to 90 equal rows, as completions of one prefix are, across panels and threads."""
    features, weight, bias = case(shape)
    features = features.repeat_interleave(torch.arange(len(features)) % 90 + 1, 0)[
        : 3000 if len(weight) < 10_000 else 400
    ]
    uniforms, kernel = torch.rand(len(features)), make(weight, bias)
    check_tokens(kernel.sample(features, uniforms, shifted), uniforms, exact(features, weight, bias), 1e-6)
    expected = exact(features, weight, bias).logsumexp(1)
    torch.testing.assert_close(kernel.log_normalizer(features, shifted).double(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("offset", [0.0, 900.0, -900.0])
def test_huge_logits_are_exact_when_shifted(shape: tuple[int, int, int], offset: float, make: Factory) -> None:
    features, weight, bias = case(shape, scale=300.0)
    bias = bias + offset
    logits, kernel = exact(features, weight, bias), make(weight, bias)
    assert len(weight) < 64 or logits.abs().max() > 500
    uniforms = torch.rand(len(features))
    check_tokens(kernel.sample(features, uniforms, True), uniforms, logits, 1e-3)
    torch.testing.assert_close(
        kernel.log_normalizer(features, True).double(), logits.logsumexp(1), rtol=1e-6, atol=1e-3
    )


@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("shape", [(2, 3, 4000), (7, 5, 4000), (65, 4, 4000), (500, 8, 8000)])
def test_tokens_are_as_frequent_as_their_probabilities(
    shape: tuple[int, int, int], shifted: bool, threads: int, make: Factory
) -> None:
    features, weight, bias = case(shape)
    features[:] = features[0]
    tokens = make(weight, bias).sample(features, torch.rand(len(features)), shifted)
    assert p_value(tokens, exact(features[:1], weight, bias)[0].softmax(0)) > 1e-3


@pytest.mark.parametrize("uniform", [0.0, 0.5, LAST])
@pytest.mark.parametrize("masked", [-1e4, -torch.inf])
@pytest.mark.parametrize("shifted", [False, True], ids=["safe", "shifted"])
@pytest.mark.parametrize("size", [2, 9, 64, 65, 130, 1000])
def test_forbidden_tokens_are_never_sampled(
    size: int, shifted: bool, masked: float, uniform: float, make: Factory
) -> None:
    """For any uniform number, and any forbidden tokens: the first, the last, whole blocks, all but one."""
    features, weight, _ = case((size, 5, 40))
    patterns = [torch.rand(size) < fraction for fraction in (0.2, 0.5, 0.9, 0.99)]
    first, last, alone = torch.zeros(size, dtype=torch.bool), torch.zeros(size, dtype=torch.bool), torch.ones(size)
    first[: size // 2], last[size // 2 :], alone = True, True, alone.bool()
    for forbidden in [*patterns, first, last, alone]:
        forbidden[size // 3] = False
        bias = torch.where(forbidden, masked, 0.0)
        tokens = make(weight, bias).sample(features, torch.full((40,), uniform), shifted)
        assert not forbidden[tokens].any()
        allowed = (~forbidden).nonzero()[:, 0]
        expected = {0.0: allowed[0], LAST: allowed[-1]}.get(uniform)
        if expected is not None and len(allowed) < 100:  # each then has more probability than a rounding error
            assert (tokens == expected).all()
        expected_normalizer = exact(features, weight, bias).logsumexp(1)
        found = make(weight, bias).log_normalizer(features, shifted)
        torch.testing.assert_close(found.double(), expected_normalizer, rtol=1e-6, atol=2e-6)


def test_strided_rows_and_no_rows(make: Factory) -> None:
    features, weight, bias = case((70, 6, 21))
    kernel, uniforms = make(weight, bias), torch.rand(42)
    spread = torch.randn(21, 12)
    spread[:, ::2] = features
    assert torch.equal(
        kernel.sample(spread[:, ::2], uniforms[::2], False), kernel.sample(features, uniforms[::2].contiguous(), False)
    )
    assert kernel.sample(features[:0], uniforms[:0], True).shape == (0,)
    assert kernel.log_normalizer(features[:0], False).shape == (0,)


def test_the_number_of_threads_does_not_change_the_tokens(make: Factory) -> None:
    features, weight, bias = case((300, 8, 1003))
    kernel, uniforms, before = make(weight, bias), torch.rand(1003), torch.get_num_threads()
    found = []
    for count in (1, 2, 3, 16):  # the last has more threads than there are panels of rows
        torch.set_num_threads(count)
        found.append(kernel.sample(features, uniforms, False))
    torch.set_num_threads(before)
    assert all(torch.equal(found[0], other) for other in found[1:])


@pytest.fixture
def compiled() -> Callable[[Tensor, Tensor], CompiledLinear]:
    kernels = library.load()
    if kernels is None:
        pytest.skip("no compiler, or kernels are turned off")
    return lambda weight, bias: CompiledLinear(kernels, weight, bias)


def test_features_of_another_width_or_dtype_are_refused(compiled: Callable[[Tensor, Tensor], CompiledLinear]) -> None:
    features, weight, bias = case((65, 8, 3))
    kernel, uniforms = compiled(weight, bias), torch.rand(3)
    for wrong in (features[:, :7], torch.cat([features, features], 1), features.double(), features.half()):
        with pytest.raises(ValueError, match=r"features \[3, \d+\] torch\.\w+: expected \[R,8\] torch\.float32"):
            kernel.sample(wrong, uniforms, False)
        with pytest.raises(ValueError, match="expected"):
            kernel.log_normalizer(wrong, False)


def test_uniform_numbers_of_another_shape_or_dtype_are_refused(
    compiled: Callable[[Tensor, Tensor], CompiledLinear],
) -> None:
    features, weight, bias = case((65, 8, 3))
    for wrong in (torch.rand(2), torch.rand(4), torch.rand(3, 1), torch.rand(3).double()):
        with pytest.raises(ValueError, match=r"uniforms \[.*\] torch\.\w+: expected \[3\] torch\.float32"):
            compiled(weight, bias).sample(features, wrong, False)


def test_a_bias_of_another_length_is_refused(compiled: Callable[[Tensor, Tensor], CompiledLinear]) -> None:
    _, weight, bias = case((65, 8, 3))
    for wrong in (bias[:1], bias[:64], bias.unsqueeze(1)):
        with pytest.raises(ValueError, match=r"bias \[.*\]: expected \[65\]"):
            compiled(weight, wrong)


PLAIN = DeviceProfile(max_logits=200, is_async=True, prefers_gather=False)


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("shape", SHAPES[:5])
def test_the_plain_form_is_the_formula(shape: tuple[int, int, int], safe: bool) -> None:
    """In chunks of a few rows: the same distribution and normalizers."""
    features, weight, bias = case(shape)
    expected = exact(features, weight, bias).logsumexp(1)
    with assume(PLAIN):
        found = log_normalizer(features, weight, bias, None, safe)
        torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=1e-6)
        tokens = linear_sample(features[:1].expand(4000, -1), weight, bias, None, safe)
    assert p_value(tokens, exact(features[:1], weight, bias)[0].softmax(0)) > 1e-3


def test_kernel_and_plain_form_use_the_same_random_numbers() -> None:
    features, weight, bias = case((130, 8, 3000))
    kernel = find_kernel(weight, bias)
    if kernel is None:
        pytest.skip("no compiler, or kernels are turned off")
    found = []
    for each in (kernel, None):
        torch.manual_seed(3)
        with assume(DeviceProfile(10**9, is_async=False, prefers_gather=True)):
            found.append(linear_sample(features, weight, bias, each, True))
    assert (found[0] == found[1]).double().mean() > 0.99
