from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from textgan.ops.device import describe
from textgan.nn import lm_head as module
from textgan.nn.lm_head import LinearHead
from textgan.ops.linear_cross_entropy import linear_cross_entropy

SHAPES = [(1, 1, 1), (2, 3, 1), (7, 5, 3), (64, 32, 85), (65, 32, 81), (3000, 8, 40)]  # V, H, R


def case(shape: tuple[int, int, int], dtype: torch.dtype) -> tuple[list[Tensor], Tensor, Tensor]:
    """Features, weight and bias, with gradients; tokens; a weight for each, some of them 0 or below."""
    size, hidden, rows = shape
    torch.manual_seed(size)
    made = [torch.randn(*sides, dtype=dtype) for sides in ((rows, hidden), (size, hidden), (size,))]
    return [part.requires_grad_() for part in made], torch.randint(size, (rows,)), torch.randn(rows, dtype=dtype).relu()


def by_torch(features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    return functional.cross_entropy(functional.linear(features, weight, bias), tokens, reduction="none")


@pytest.mark.parametrize("native", [True, False], ids=["kernel", "plain"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("held", [1_280_000, 200, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_gradients_are_cross_entropys(
    shape: tuple[int, int, int], held: int, dtype: torch.dtype, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "describe", lambda device: replace(describe(device), logits=held))
    parts, tokens, each = case(shape, dtype)
    if not native:
        monkeypatch.setattr(LinearHead, "_kernel", None)
    found = LinearHead(parts[1], parts[2]).nll(parts[0], tokens)
    expected = by_torch(*parts, tokens)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    ours, theirs = (torch.autograd.grad((nll * each).sum(), parts) for nll in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_gradients_are_the_slope(shape: tuple[int, int, int]) -> None:
    parts, tokens, _ = case(shape, torch.float64)

    def nll(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return linear_cross_entropy(features, weight, bias, tokens, LinearHead(weight, bias))

    assert torch.autograd.gradcheck(nll, parts)


@pytest.mark.parametrize("forbidden_ids", [-1e4, -torch.inf])
def test_barred_words_have_no_share_in_it(never: float) -> None:
    (features, weight, bias), tokens, each = case((65, 32, 81), torch.float32)
    forbidden = torch.arange(65) % 3 == 0
    tokens = torch.where(forbidden[tokens], tokens + 1, tokens) % 65
    tokens = torch.where(forbidden[tokens], 1, tokens)
    added = torch.where(forbidden, never, 0.0)
    nll = LinearHead(weight, bias + added).nll(features, tokens)
    kept = ~forbidden
    places = kept.cumsum(0) - 1
    expected = by_torch(features, weight[kept], bias[kept], places[tokens])
    torch.testing.assert_close(nll, expected, rtol=1e-5, atol=1e-6)
    ours, theirs = (torch.autograd.grad((x * each).sum(), [features, weight, bias]) for x in (nll, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert not ours[1][forbidden].any()


def test_large_logits_are_no_trouble() -> None:
    (features, weight, bias), tokens, each = case((65, 32, 81), torch.float32)
    with torch.no_grad():
        weight.mul_(100.0)
    found, expected = LinearHead(weight, bias).nll(features, tokens), by_torch(features, weight, bias, tokens)
    assert expected.max() > 500
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-3)
    ours, theirs = (torch.autograd.grad((x * each).sum(), [features, weight, bias]) for x in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        # The normaliser is rounded before probabilities are made of it: some epsilons of the largest logit.
        assert (one - other).abs().max() < 2e-4 * other.abs().max()


def test_no_rows_no_gradient() -> None:
    parts, _, _ = case((7, 5, 3), torch.float32)
    found = LinearHead(parts[1], parts[2]).nll(parts[0][:0], torch.zeros(0, dtype=torch.long))
    assert found.shape == (0,)
    found.sum().backward()
    assert parts[1].grad is not None
    assert not parts[1].grad.any()


def test_a_second_derivative_is_refused_not_wrong() -> None:
    parts, tokens, _ = case((7, 5, 3), torch.float32)
    (slope,) = torch.autograd.grad(
        LinearHead(parts[1], parts[2]).nll(parts[0], tokens).sum(), parts[0], create_graph=True
    )
    with pytest.raises(RuntimeError):
        slope.square().sum().backward()
