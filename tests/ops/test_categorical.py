from __future__ import annotations

import math

import pytest
import torch
from support.chances import p_value
from torch import Tensor

from textgan.ops.categorical import find_block, in_chunks, inverse_cdf, inverse_cdf_, sample_weights
from textgan.ops.device import DeviceProfile, assume

LAST = 1 - 2**-24
"""The largest uniform number in float32."""


def with_uniforms(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every uniform number the same."""
    monkeypatch.setattr(torch, "rand", lambda *shape, **options: torch.full(shape, value, dtype=options.get("dtype")))


@pytest.mark.parametrize("size", [1, 2, 7, 9, 10, 1000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_columns_are_as_frequent_as_their_weights(size: int, dtype: torch.dtype) -> None:
    weight = torch.rand(size, dtype=dtype) + 0.01
    tokens = sample_weights(weight.expand(5000, -1).clone())
    assert tokens.shape == (5000,)
    assert p_value(tokens, weight / weight.sum()) > 1e-3


@pytest.mark.parametrize("size", [1, 2, 3, 9, 10, 17, 100])
def test_the_inverse_cdf_is_exact(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Integer weights have exact sums: the token is the one whose interval contains the uniform number."""
    weight = torch.arange(1.0, size + 1)
    total = size * (size + 1) / 2
    for uniform in torch.linspace(0, 1, 37)[:-1].tolist():
        with_uniforms(uniform, monkeypatch)
        expected = int((weight.double().cumsum(0) <= torch.tensor(uniform, dtype=torch.float32) * total).sum())
        assert sample_weights(weight.unsqueeze(0).clone()).item() == expected


@pytest.mark.parametrize("uniform", [0.0, 0.5, LAST])
@pytest.mark.parametrize("size", [2, 5, 9, 64, 65, 1000])
def test_a_column_of_weight_zero_is_never_sampled(size: int, uniform: float, monkeypatch: pytest.MonkeyPatch) -> None:
    with_uniforms(uniform, monkeypatch)
    for allowed in (0, size // 2, size - 1):
        weight = torch.zeros(3, size)
        weight[:, allowed] = 0.3
        assert (sample_weights(weight) == allowed).all()
    halves = torch.rand(50, size) * (torch.rand(50, size) < 0.5)
    halves[:, size // 2] = 0.1
    assert (halves.gather(1, sample_weights(halves.clone()).unsqueeze(1)) > 0).all()


def test_weights_are_left_unchanged() -> None:
    weight = torch.rand(4, 10)
    before = weight.clone()
    sample_weights(weight)
    assert torch.equal(weight, before)


@pytest.mark.parametrize("scale", [1.0, 500.0])
def test_logits_are_sampled_from_their_softmax(scale: float) -> None:
    logits = scale * torch.randn(6)
    before = logits.clone()
    assert p_value(inverse_cdf(logits.expand(5000, -1)), logits.softmax(0)) > 1e-3
    assert torch.equal(logits, before)
    assert p_value(inverse_cdf_(logits.expand(5000, -1).clone(), False), logits.softmax(0)) > 1e-3
    if scale == 1.0:
        assert p_value(inverse_cdf_(logits.expand(5000, -1).clone(), True), logits.softmax(0)) > 1e-3


def test_forbidden_tokens_are_never_sampled() -> None:
    logits = torch.zeros(2000, 7)
    logits[:, ::2] = -1e4
    logits[:, 1] = -torch.inf
    assert set(inverse_cdf(logits).tolist()) == {3, 5}


def test_the_in_place_form_draws_the_same_and_overwrites() -> None:
    logits = torch.randn(100, 30)
    torch.manual_seed(1)
    expected = inverse_cdf(logits)
    for safe in (False, True):
        torch.manual_seed(1)
        overwritten = logits.clone()
        assert torch.equal(inverse_cdf_(overwritten, safe), expected)
        assert not torch.equal(overwritten, logits)


def test_blocks_and_what_is_left_inside_them() -> None:
    cdf = torch.tensor([[1.0, 1.0, 4.0, 4.0]]).expand(4, -1)
    block, rest = find_block(cdf.contiguous(), torch.tensor([[0.0], [0.2], [0.25], [0.99]]))
    assert block[:, 0].tolist() == [0, 0, 2, 2]
    torch.testing.assert_close(rest[:, 0], torch.tensor([0.0, 0.8, 0.0, 2.96]))


@pytest.mark.parametrize(("max_logits", "chunks"), [(10**6, 1), (20, 3), (4, 9), (1, 9)])
def test_chunks_hold_at_most_the_floats_of_the_profile(max_logits: int, chunks: int) -> None:
    features, sizes = torch.randn(9, 2), []

    def double(rows: Tensor) -> Tensor:
        sizes.append(len(rows))
        return 2 * rows

    with assume(DeviceProfile(max_logits, is_async=False, prefers_gather=True)):
        assert torch.equal(in_chunks(double, features, 5), 2 * features)
    assert len(sizes) == chunks
    assert max(sizes) <= max(1, max_logits // 5)
    assert math.ceil(9 / max(sizes)) == chunks
    with assume(DeviceProfile(max_logits, is_async=False, prefers_gather=True)):
        assert in_chunks(double, features[:0], 5).shape == (0, 2)


def test_rounding_up_to_the_total_gives_the_last_column_with_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A uniform number of 1 has the same effect as a product that is rounded up to the sum of all weights."""
    block, rest = find_block(torch.tensor([[1.0, 4.0, 4.0]]), torch.ones(1, 1))
    assert (block.item(), rest.item()) == (1, 3.0)
    with_uniforms(1.0, monkeypatch)
    for size in (2, 5, 9, 10, 100):
        for last in range(size):
            weight = torch.zeros(1, size)
            weight[:, : last + 1] = 1.0
            assert sample_weights(weight).item() == last
