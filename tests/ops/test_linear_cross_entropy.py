from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from textgan.nn.lm_head import LinearHead
from textgan.ops import library
from textgan.ops.device import CPU, DeviceProfile, assume
from textgan.ops.linear_cross_entropy import linear_cross_entropy, log_normalizer_backward

SHAPES = [(1, 1, 1), (2, 3, 1), (7, 5, 3), (64, 32, 85), (65, 32, 81), (3000, 8, 40)]  # V, H, R


def case(shape: tuple[int, int, int], dtype: torch.dtype) -> tuple[list[Tensor], Tensor, Tensor]:
    """Features, weight and bias, which require gradients; tokens; non-negative weights of the tokens."""
    size, hidden, rows = shape
    torch.manual_seed(size)
    parts = [torch.randn(*sides, dtype=dtype) for sides in ((rows, hidden), (size, hidden), (size,))]
    return (
        [part.requires_grad_() for part in parts],
        torch.randint(size, (rows,)),
        torch.randn(rows, dtype=dtype).relu(),
    )


def by_torch(features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    return functional.cross_entropy(functional.linear(features, weight, bias), tokens, reduction="none")


@pytest.mark.parametrize("compiled", [True, False], ids=["kernel", "plain"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("max_logits", [1_280_000, 200, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_gradients_equal_those_of_cross_entropy(
    shape: tuple[int, int, int], max_logits: int, dtype: torch.dtype, compiled: bool
) -> None:
    parts, tokens, scale = case(shape, dtype)
    expected = by_torch(*parts, tokens)
    with assume(replace(CPU, max_logits=max_logits, compiled_kernels=compiled)):
        found = LinearHead(parts[1], parts[2]).nll(parts[0], tokens)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
        gradients, expected_gradients = (torch.autograd.grad((nll * scale).sum(), parts) for nll in (found, expected))
    for one, other in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_first_derivatives_are_correct(shape: tuple[int, int, int]) -> None:
    parts, tokens, _ = case(shape, torch.float64)

    def nll(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return linear_cross_entropy(features, weight, bias, tokens, LinearHead(weight, bias).log_normalizer)

    assert torch.autograd.gradcheck(nll, parts)


@pytest.mark.parametrize("masked", [-1e4, -torch.inf])
def test_forbidden_tokens_have_no_effect(masked: float) -> None:
    (features, weight, bias), tokens, scale = case((65, 32, 81), torch.float32)
    forbidden = torch.arange(65) % 3 == 0
    tokens = torch.where(forbidden[tokens], tokens + 1, tokens) % 65
    tokens = torch.where(forbidden[tokens], 1, tokens)
    mask = torch.where(forbidden, masked, 0.0)
    nll = LinearHead(weight, bias + mask).nll(features, tokens)
    kept = ~forbidden
    columns = kept.cumsum(0) - 1
    expected = by_torch(features, weight[kept], bias[kept], columns[tokens])
    torch.testing.assert_close(nll, expected, rtol=1e-5, atol=1e-6)
    gradients, expected_gradients = (
        torch.autograd.grad((x * scale).sum(), [features, weight, bias]) for x in (nll, expected)
    )
    for one, other in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert not gradients[1][forbidden].any()


def test_large_logits_lose_no_precision() -> None:
    (features, weight, bias), tokens, scale = case((65, 32, 81), torch.float32)
    with torch.no_grad():
        weight.mul_(100.0)
    found, expected = LinearHead(weight, bias).nll(features, tokens), by_torch(features, weight, bias, tokens)
    assert expected.max() > 500
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-3)
    gradients, expected_gradients = (
        torch.autograd.grad((x * scale).sum(), [features, weight, bias]) for x in (found, expected)
    )
    for one, other in zip(gradients, expected_gradients, strict=True):
        # Probabilities are computed from the rounded normalizer: an error of a few epsilons of the largest logit.
        assert (one - other).abs().max() < 2e-4 * other.abs().max()


def test_no_rows_give_no_gradient() -> None:
    parts, _, _ = case((7, 5, 3), torch.float32)
    found = LinearHead(parts[1], parts[2]).nll(parts[0][:0], torch.zeros(0, dtype=torch.long))
    assert found.shape == (0,)
    found.sum().backward()
    assert parts[1].grad is not None
    assert not parts[1].grad.any()


def test_a_second_derivative_is_an_error() -> None:
    parts, tokens, _ = case((7, 5, 3), torch.float32)
    (grad,) = torch.autograd.grad(
        LinearHead(parts[1], parts[2]).nll(parts[0], tokens).sum(), parts[0], create_graph=True
    )
    with pytest.raises(RuntimeError):
        grad.square().sum().backward()


def random_layer(shape: tuple[int, int, int], scale: float = 2.0) -> tuple[Tensor, Tensor, Tensor]:
    """Features in (-1, 1), and a layer whose logits have a standard deviation of about `scale`."""
    size, hidden, rows = shape
    torch.manual_seed(size)
    features = torch.randn(rows, hidden).tanh()
    return features, scale * torch.randn(size, hidden) / hidden**0.5, 0.3 * scale * torch.randn(size)


@pytest.mark.parametrize("max_logits", [1_280_000, 1000, 1])
@pytest.mark.parametrize("scale", [2.0, 300.0], ids=["small logits", "huge logits"])
@pytest.mark.parametrize(
    "shape",
    [
        *SHAPES[:5],
        (5000, 32, 200),
        (50_000, 16, 64),
        (300, 64, 41),
        (1000, 17, 1003),
        (130, 33, 7),
    ],
)
def test_gradients_of_the_log_normalizer(shape: tuple[int, int, int], scale: float, max_logits: int) -> None:
    """Compares with float64, also for sizes that are not multiples of any block, and for chunks of one row."""
    if max_logits == 1 and shape[0] * shape[2] > 300_000:
        pytest.skip("many chunks of one row take long")
    features, weight, bias = random_layer(shape, scale)
    grad = torch.randn(len(features))
    exact = [part.double().requires_grad_() for part in (features, weight, bias)]
    norm = (exact[0] @ exact[1].t() + exact[2]).logsumexp(1)
    expected = torch.autograd.grad((norm * grad.double()).sum(), exact)
    rounded = LinearHead(weight, bias).log_normalizer(features)
    with assume(replace(CPU, max_logits=max_logits)):
        found = log_normalizer_backward(features, weight, bias, rounded, grad)
    for one, other in zip(found, expected, strict=True):
        tolerance = float(other.abs().max()) * (1e-5 if scale < 60 else 1e-3)  # the logits' rounding, exponentiated
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=tolerance)


@pytest.mark.parametrize("masked", [-1e4, -torch.inf])
def test_forbidden_tokens_and_rows_of_weight_zero_have_no_gradient(masked: float) -> None:
    features, weight, _ = random_layer((130, 5, 43))
    forbidden = torch.arange(130) % 3 != 0
    bias = torch.where(forbidden, masked, 0.0)
    norm = LinearHead(weight, bias).log_normalizer(features)
    grad = torch.where(torch.arange(43) % 2 == 0, 0.0, 1.0)
    to_features, to_weight, to_bias = log_normalizer_backward(features, weight, bias, norm, grad)
    assert not to_features[::2].any()
    assert not to_weight[forbidden].any()
    assert not to_bias[forbidden].any()
    torch.testing.assert_close(to_bias.sum(), grad.sum())
    empty = log_normalizer_backward(features[:0], weight, bias, grad[:0], grad[:0])
    assert [part.abs().sum() for part in empty] == [0, 0, 0]
    assert [tuple(part.shape) for part in empty] == [(0, 5), (130, 5), (130,)]


def test_features_of_another_width_are_refused() -> None:
    if library.load() is None:
        pytest.skip("no compiler, or kernels are turned off")
    (features, weight, bias), tokens, _ = case((65, 32, 81), torch.float32)
    with pytest.raises(ValueError, match=r"features \[81, 31\] torch.float32: expected \[R,32\]"):
        LinearHead(weight, bias).nll(features[:, :31], tokens)
    with assume(DeviceProfile(10**6, is_async=True, prefers_gather=False)), pytest.raises(RuntimeError):
        LinearHead(weight, bias).nll(features[:, :31], tokens)
