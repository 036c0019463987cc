"""A linear head and any function of logits say the same; so do a head with the kernel and one without."""

from __future__ import annotations

import pytest
import torch
from support.chances import p_value
from torch import Tensor
from torch.nn import functional

from textgan.generation.autoregressive import Autoregressive
from textgan.ops.device import DeviceProfile
from textgan.generators.lstm import Lstm
from textgan.ops import linear_sample
from textgan.nn import lm_head as module
from textgan.nn.lm_head import SAFE, LinearHead, LogitsHead
from textgan.testing import TabularGenerator, enumerate_sequences
from textgan.core.types import Batch, Samples, Vocabulary

SIZES = [(1, 1), (2, 3), (7, 5), (65, 8), (1000, 4)]  # V, H


def layer(size: int, hidden: int, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(size + 1)
    return scale * torch.randn(size, hidden), scale * torch.randn(size)


def pair(weight: Tensor, bias: Tensor) -> tuple[LinearHead, LogitsHead]:
    return LinearHead(weight, bias), LogitsHead(lambda h: functional.linear(h, weight, bias), len(weight))


@pytest.fixture(params=["kernel", "plain", "waits"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With the compiled kernel, without it, and as on a device that must not look at values."""
    name: str = request.param
    if name == "kernel" and linear_sample.load() is None:
        pytest.skip("no compiler here, or it is switched off")
    if name == "plain":
        monkeypatch.setattr(words, "load", lambda: None)
    if name == "waits":
        monkeypatch.setattr(module, "describe", lambda d: DeviceProfile(70, is_async=True, prefers_gather=False))
    return name


@torch.no_grad()
@pytest.mark.parametrize("temperature", [None, 0.5, 3.0])
@pytest.mark.parametrize(("size", "hidden"), SIZES)
def test_linear_and_any_logits_are_alike(size: int, hidden: int, temperature: float | None, path: str) -> None:
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
        many = head.draw(features[:1].expand(4000, -1))
        assert p_value(many, expected[0].softmax(0)) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_each_row_is_drawn_from_its_own_law(scale: float, path: str) -> None:
    weight, bias = layer(5, 3, scale)
    head, features = LinearHead(weight, bias), torch.randn(4, 3)
    found = head.draw(features.repeat(5000, 1)).view(5000, 4)
    for row in range(4):
        assert p_value(found[:, row], head(features)[row].softmax(0)) > 1e-3


@torch.no_grad()
def test_the_same_chance_gives_the_same_word_with_and_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are inverse CDFs in the order of the words, with one uniform number a row."""
    if linear_sample.load() is None:
        pytest.skip("no compiler here, or it is switched off")
    weight, bias = layer(1000, 4)
    features, found = torch.randn(3000, 4), []
    for loaded in (linear_sample.load, lambda: None):
        monkeypatch.setattr(words, "load", loaded)
        torch.manual_seed(7)
        monkeypatch.setattr(module, "describe", lambda d: Device(d, 10**9, False, True, words=linear_sample.load))
        found.append(LinearHead(weight, bias).draw(features))
    assert (found[0] == found[1]).double().mean() > 0.99


@torch.no_grad()
def test_safe_is_only_what_cannot_overflow() -> None:
    """No logit of what is called safe is above `SAFE`, however the vectors lie; forbidden words do not count."""
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
def test_numbers_of_another_precision_never_reach_the_kernel() -> None:
    weight, bias = (part.double() for part in layer(7, 5))
    head, features = LinearHead(weight, bias), torch.randn(1, 5).double().expand(5000, -1)
    assert p_value(head.draw(features), head(features)[0].softmax(0)) > 1e-3
    assert head.nll(features, torch.zeros(5000, dtype=torch.long)).dtype == torch.float64


VOCAB = Vocabulary(4, bos=0, eos=3, pad=0, forbidden_ids=(1,))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["table", "lstm"])
def test_sequences_have_one_law_with_and_without_the_kernel(kind: str, path: str) -> None:
    torch.manual_seed(0)
    generator: Autoregressive = TabularGenerator(VOCAB, 3) if kind == "table" else Lstm(VOCAB, 3, 3, init_std=1.5)
    every = enumerate_sequences(VOCAB, 3)
    drawn = generator.sample(Batch.blank(6000, 3))
    same = (drawn.x.unsqueeze(1) == every.x).all(2) & (drawn.valid.unsqueeze(1) == every.valid).all(2)  # [N,K]
    assert same.sum(1).eq(1).all()
    assert p_value(same.int().argmax(1), generator.log_prob(every).sum(1).exp()) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize(("words", "rows", "length", "count"), [(7, 3, 2, 1), (7, 1, 1, 5), (50_000, 4, 5, 3)])
def test_roll_outs_of_odd_sizes(words: int, rows: int, length: int, count: int, path: str) -> None:
    """One to come for each proper prefix; the law of the last word is that behind its prefix."""
    vocab = Vocabulary(words, bos=0, eos=None, pad=0, forbidden_ids=tuple(range(words // 2)))
    torch.manual_seed(0)
    generator = Lstm(vocab, 4, 4, init_std=1.0).eval()
    samples = generator.sample(Batch.blank(rows, length))
    found = [(r.source, r.prefix, r.samples) for r in generator.rollouts(samples, count)]
    source, prefix = (torch.cat([part[i] for part in found]) for i in (0, 1))  # type: ignore[misc]
    x = torch.cat([part[2].x for part in found])
    assert len(x) == rows * (length - 1) * count
    assert ((x >= words // 2) & (x < words)).all()
    known = torch.arange(length) < prefix.unsqueeze(1)
    assert torch.equal(x.masked_fill(~known, 0), samples.x[source].masked_fill(~known, 0))


@torch.no_grad()
def test_the_smallest_roll_out_has_the_law_of_its_second_word(path: str) -> None:
    vocab = Vocabulary(7, bos=0, eos=None, pad=0)
    torch.manual_seed(0)
    generator = Lstm(vocab, 4, 4, init_std=1.0).eval()
    x = torch.tensor([[5, 2]]).expand(4000, 2)
    samples = Samples(x, *[torch.ones(4000, 2, dtype=torch.bool)] * 2)
    (found,) = generator.rollouts(samples, 1)
    every = Samples(torch.tensor([[5, w] for w in range(7)]), *[torch.ones(7, 2, dtype=torch.bool)] * 2)
    assert p_value(found.samples.x[:, 1], generator.log_prob(every)[:, 1].exp()) > 1e-3


def test_a_head_keeps_its_own_type_whatever_the_default_is() -> None:
    features, weight, bias, tokens = torch.randn(9, 4), torch.randn(70, 4), torch.randn(70), torch.arange(9)
    expected = LinearHead(weight, bias).nll(features, tokens)
    torch.manual_seed(0)
    words = LinearHead(weight, bias).draw(features)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(LinearHead(weight, bias).nll(features, tokens), expected)
        torch.manual_seed(0)
        assert torch.equal(LinearHead(weight, bias).draw(features), words)
    finally:
        torch.set_default_dtype(torch.float32)
