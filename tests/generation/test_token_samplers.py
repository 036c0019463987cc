from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from support.chances import by, p_value
from torch import Tensor

from textgan.core.roles import TokenSampler
from textgan.generation import token_samplers
from textgan.generation.token_samplers import categorical, greedy, inverse_cdf, tempered

FOUR = torch.tensor([0.4, 0.3, 0.2, 0.1])


def sampled(token_sampler: TokenSampler, logits: Tensor, count: int) -> Tensor:
    """Samples many tokens from one row of logits [V]."""
    return torch.cat([by(token_sampler, logits.expand(n, -1)) for n in [500] * (count // 500)])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 17, 1000])
def test_tokens_follow_the_distribution(size: int) -> None:
    torch.manual_seed(size)
    logits = 2 * torch.randn(size)
    assert p_value(sampled(categorical, logits, 20_000), logits.softmax(0)) > 1e-3


def test_a_large_skewed_vocabulary() -> None:
    torch.manual_seed(0)
    logits = -1.2 * torch.arange(1, 50_001).log()
    logits = logits[torch.randperm(50_000)]
    assert p_value(sampled(categorical, logits, 5000), logits.softmax(0)) > 1e-3


def test_rows_are_sampled_independently_from_their_own_distributions() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 5)
    found = torch.stack([inverse_cdf(logits) for _ in range(10_000)])  # [N,3]
    for row in range(3):
        assert p_value(found[:, row], logits[row].softmax(0)) > 1e-3
    both = found[:, 0] * 5 + found[:, 1]
    assert p_value(both, torch.outer(logits[0].softmax(0), logits[1].softmax(0)).flatten()) > 1e-3


@pytest.mark.parametrize("shift", [-1e4, 300.0, 1e4])
def test_a_constant_added_to_the_logits_changes_nothing(shift: float) -> None:
    torch.manual_seed(0)
    logits = torch.tensor([0.0, 1.0, -1.0])
    assert p_value(sampled(categorical, logits + shift, 10_000), logits.softmax(0)) > 1e-3


def test_logits_are_not_modified() -> None:
    logits = torch.randn(4, 7)
    before = logits.clone()
    for token_sampler in (categorical, greedy, tempered(0.5, 2, 0.9)):
        by(token_sampler, logits)
        assert torch.equal(logits, before)


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-24])
@pytest.mark.parametrize("size", [1, 2, 7, 9, 10])
def test_impossible_tokens_are_never_sampled_for_any_random_number(
    uniform: float, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = torch.arange(1, 2**size)
    possible = (rows.unsqueeze(1) >> torch.arange(size)) % 2 == 1  # every set of possible tokens, [2^V-1,V]
    logits = (3 * torch.randn(possible.shape)).masked_fill(~possible, -torch.inf)
    monkeypatch.setattr(torch, "rand", lambda *shape, **options: torch.full(shape, uniform))
    assert possible.gather(1, inverse_cdf(logits).unsqueeze(1)).all()


def test_the_largest_random_number_samples_the_last_possible_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "rand", lambda *shape, **options: torch.ones(shape))
    logits = torch.zeros(2, 1000)
    logits[1, 400:] = -torch.inf
    assert inverse_cdf(logits).tolist() == [999, 399]


def test_greedy_takes_the_most_likely_token() -> None:
    assert by(greedy, torch.tensor([[0.0, 2.0, 1.0], [5.0, 2.0, 1.0]])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"temperature": 0.5}, [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        ({"temperature": 1e6}, [0.25, 0.25, 0.25, 0.25]),
        ({"top_k": 1}, [1, 0, 0, 0]),
        ({"top_k": 2}, [4 / 7, 3 / 7, 0, 0]),
        ({"top_k": 9}, [0.4, 0.3, 0.2, 0.1]),
        ({"top_p": 0.35}, [1, 0, 0, 0]),
        ({"top_p": 0.5}, [4 / 7, 3 / 7, 0, 0]),
        ({"top_p": 0.8}, [4 / 9, 3 / 9, 2 / 9, 0]),
        ({"top_p": 1.0}, [0.4, 0.3, 0.2, 0.1]),
        ({"temperature": 0.5, "top_p": 0.5}, [1, 0, 0, 0]),  # top_p is computed from the sharpened distribution
        ({"top_k": 3, "top_p": 0.6}, [4 / 7, 3 / 7, 0, 0]),  # after top_k, 4/9 + 3/9 is at least 0.6
        ({"top_k": 2, "top_p": 0.5}, [1, 0, 0, 0]),  # after top_k, 4/7 is at least 0.5
    ],
)
@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 0, 3, 1]])
def test_sharpened_and_truncated_distributions(
    options: dict[str, Any], expected: list[float], order: list[int]
) -> None:
    torch.manual_seed(0)
    found = sampled(tempered(**options), FOUR[order].log(), 10_000)
    assert p_value(found, torch.tensor(expected)[order]) > 1e-3


def test_forbidden_tokens_stay_forbidden_when_sharpened() -> None:
    logits = torch.tensor([[0.0, -torch.inf, 0.0, -1e4]]).expand(1000, -1)
    for token_sampler in (tempered(2.0), tempered(top_k=3), tempered(top_p=0.999)):
        assert set(by(token_sampler, logits).tolist()) == {0, 2}


def test_default_and_zero_temperature_are_the_plain_samplers() -> None:
    assert tempered() is token_samplers.categorical
    assert tempered(0) is token_samplers.greedy


@pytest.mark.parametrize(
    "options", [{"temperature": -0.1}, {"top_k": 0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.1}, {"top_p": math.nan}]
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))}=.*: out of range"):
        tempered(**options)
