"""A linear head agrees with a head of any logits, with the compiled kernel and without it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from support.chances import p_value
from torch import Tensor
from torch.nn import functional

from textgan.core.types import Batch, Samples, Vocabulary
from textgan.generation.autoregressive import Autoregressive
from textgan.generators.lstm import Lstm
from textgan.nn.lm_head import SAFE, LinearHead, LogitsHead
from textgan.ops import library
from textgan.ops.device import DeviceProfile, assume
from textgan.testing import TabularGenerator, enumerate_sequences

SIZES = [(1, 1), (2, 3), (7, 5), (65, 8), (1000, 4)]  # V, H


def layer(size: int, hidden: int, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(size + 1)
    return scale * torch.randn(size, hidden), scale * torch.randn(size)


def pair(weight: Tensor, bias: Tensor) -> tuple[LinearHead, LogitsHead]:
    return LinearHead(weight, bias), LogitsHead(lambda h: functional.linear(h, weight, bias), len(weight))


PROFILES = {
    "kernel": DeviceProfile(1_280_000, is_async=False, prefers_gather=True, compiled_kernels=True),
    "plain": DeviceProfile(1_280_000, is_async=False, prefers_gather=True),
    "asynchronous": DeviceProfile(7_000, is_async=True, prefers_gather=False),
}


@pytest.fixture(params=PROFILES)
def path(request: pytest.FixtureRequest) -> Iterator[str]:
    """With the compiled kernel, without it, and as on a device where reading a value synchronises."""
    name: str = request.param
    if name == "kernel" and library.load() is None:
        pytest.skip("no compiler, or kernels are turned off")
    with assume(PROFILES[name]):
        yield name


@torch.no_grad()
@pytest.mark.parametrize("temperature", [None, 0.5, 3.0])
@pytest.mark.parametrize(("size", "hidden"), SIZES)
def test_a_linear_head_agrees_with_any_logits(size: int, hidden: int, temperature: float | None, path: str) -> None:
    heads = list(pair(*layer(size, hidden)))
    features, tokens = torch.randn(9, hidden), torch.randint(size, (9,))
    expected = heads[1](features) / (temperature or 1.0)
    if temperature is not None:
        heads = [head.tempered(temperature) for head in heads]  # type: ignore[misc]
    for head in heads:
        assert head.size == size
        torch.testing.assert_close(head(features), expected)
        torch.testing.assert_close(head(features.view(3, 3, hidden)), expected.view(3, 3, size))
        nll = functional.cross_entropy(expected, tokens, reduction="none")
        torch.testing.assert_close(head.nll(features, tokens), nll, rtol=1e-5, atol=1e-5)
        tokens_of_one_row = head.sample(features[:1].expand(4000, -1))
        assert p_value(tokens_of_one_row, expected[0].softmax(0)) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_each_row_is_sampled_from_its_own_distribution(scale: float, path: str) -> None:
    weight, bias = layer(5, 3, scale)
    head, features = LinearHead(weight, bias), torch.randn(4, 3)
    found = head.sample(features.repeat(5000, 1)).view(5000, 4)
    for row in range(4):
        assert p_value(found[:, row], head(features)[row].softmax(0)) > 1e-3


@torch.no_grad()
def test_the_same_random_numbers_give_the_same_tokens_with_and_without_the_kernel() -> None:
    """Both are inverse CDFs in the order of the ids, with one uniform number per row."""
    if library.load() is None:
        pytest.skip("no compiler, or kernels are turned off")
    weight, bias = layer(1000, 4)
    features, found = torch.randn(3000, 4), []
    for compiled in (True, False):
        torch.manual_seed(7)
        profile = DeviceProfile(10**9, is_async=False, prefers_gather=True, compiled_kernels=compiled)
        with assume(profile):
            found.append(LinearHead(weight, bias).sample(features))
    assert (found[0] == found[1]).double().mean() > 0.99


@torch.no_grad()
def test_only_logits_that_cannot_overflow_are_safe() -> None:
    """No logit of safe features exceeds `SAFE`, for any direction of the vectors; forbidden tokens do not count."""
    weight = torch.eye(3, 4)
    for longest in (1.0, SAFE - 1, SAFE + 1, 1e4):
        features = torch.zeros(5, 4)
        features[3, 1] = longest
        assert LinearHead(weight, torch.zeros(3))._is_safe(features) is (longest < SAFE)
        assert LinearHead(weight, torch.tensor([-1e4, 0, -torch.inf]))._is_safe(features) is (longest < SAFE)
        assert LinearHead(weight, torch.tensor([0.0, SAFE / 2, 0.0]))._is_safe(features) is (longest < SAFE / 2)
    assert not LinearHead(weight, torch.tensor([0.0, -100.0, 0.0]))._is_safe(torch.zeros(1, 4))
    assert not LinearHead(weight, torch.zeros(3))._is_safe(torch.full((1, 4), torch.nan))


@torch.no_grad()
def test_other_dtypes_do_not_use_the_kernel() -> None:
    weight, bias = (part.double() for part in layer(7, 5))
    head, features = LinearHead(weight, bias), torch.randn(1, 5).double().expand(5000, -1)
    assert p_value(head.sample(features), head(features)[0].softmax(0)) > 1e-3
    assert head.nll(features, torch.zeros(5000, dtype=torch.long)).dtype == torch.float64


VOCAB = Vocabulary(4, bos=0, eos=3, pad=0, forbidden_ids=(1,))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["table", "lstm"])
def test_sequences_have_the_same_distribution_with_and_without_the_kernel(kind: str, path: str) -> None:
    torch.manual_seed(0)
    generator: Autoregressive = TabularGenerator(VOCAB, 3) if kind == "table" else Lstm(VOCAB, 3, 3, init_std=1.5)
    every = enumerate_sequences(VOCAB, 3)
    found = generator.sample(Batch.blank(6000, 3))
    same = (found.x.unsqueeze(1) == every.x).all(2) & (found.valid.unsqueeze(1) == every.valid).all(2)  # [N,K]
    assert same.sum(1).eq(1).all()
    assert p_value(same.int().argmax(1), generator.log_prob(every).sum(1).exp()) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize(("size", "rows", "length", "count"), [(7, 3, 2, 1), (7, 1, 1, 5), (50_000, 4, 5, 3)])
def test_roll_outs_of_odd_sizes(size: int, rows: int, length: int, count: int, path: str) -> None:
    """`count` completions of each proper prefix; the prefix is kept, and forbidden tokens are not sampled."""
    vocab = Vocabulary(size, bos=0, eos=None, pad=0, forbidden_ids=tuple(range(size // 2)))
    torch.manual_seed(0)
    generator = Lstm(vocab, 4, 4, init_std=1.0).eval()
    samples = generator.sample(Batch.blank(rows, length))
    found = [(r.source, r.prefix, r.samples) for r in generator.rollouts(samples, count)]
    source, prefix = (torch.cat([part[i] for part in found]) for i in (0, 1))  # type: ignore[misc]
    x = torch.cat([part[2].x for part in found])
    assert len(x) == rows * (length - 1) * count
    assert ((x >= size // 2) & (x < size)).all()
    kept = torch.arange(length) < prefix.unsqueeze(1)
    assert torch.equal(x.masked_fill(~kept, 0), samples.x[source].masked_fill(~kept, 0))


@torch.no_grad()
def test_a_roll_out_follows_the_distribution_after_its_prefix(path: str) -> None:
    vocab = Vocabulary(7, bos=0, eos=None, pad=0)
    torch.manual_seed(0)
    generator = Lstm(vocab, 4, 4, init_std=1.0).eval()
    x = torch.tensor([[5, 2]]).expand(4000, 2)
    samples = Samples(x, *[torch.ones(4000, 2, dtype=torch.bool)] * 2)
    (found,) = generator.rollouts(samples, 1)
    every = Samples(torch.tensor([[5, w] for w in range(7)]), *[torch.ones(7, 2, dtype=torch.bool)] * 2)
    assert p_value(found.samples.x[:, 1], generator.log_prob(every)[:, 1].exp()) > 1e-3


def test_the_default_dtype_does_not_affect_a_head() -> None:
    features, weight, bias, tokens = torch.randn(9, 4), torch.randn(70, 4), torch.randn(70), torch.arange(9)
    expected = LinearHead(weight, bias).nll(features, tokens)
    torch.manual_seed(0)
    sampled = LinearHead(weight, bias).sample(features)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(LinearHead(weight, bias).nll(features, tokens), expected)
        torch.manual_seed(0)
        assert torch.equal(LinearHead(weight, bias).sample(features), sampled)
    finally:
        torch.set_default_dtype(torch.float32)


def test_features_of_another_width_are_refused(path: str) -> None:
    head = LinearHead(*layer(65, 8))
    with pytest.raises(ValueError if path == "kernel" else RuntimeError):
        head.sample(torch.randn(3, 7))
    with pytest.raises(ValueError if path == "kernel" else RuntimeError):
        head.nll(torch.randn(3, 9), torch.zeros(3, dtype=torch.long))
    if path == "kernel":
        with pytest.raises(ValueError, match=r"features \[3, 8\] torch.float64: expected \[R,8\] torch.float32"):
            head.sample(torch.randn(3, 8).double())


def test_samples_carry_no_gradients_and_likelihoods_do(path: str) -> None:
    weight, bias = (part.requires_grad_() for part in layer(65, 8))
    features = torch.randn(3, 8, requires_grad=True)
    head = LinearHead(weight, bias)
    assert not head.sample(features).is_floating_point()
    assert head.tempered(2.0) is head.tempered(2.0)
    head.tempered(2.0).nll(features, torch.zeros(3, dtype=torch.long)).sum().backward()
    assert all(part.grad is not None and part.grad.any() for part in (weight, bias, features))
