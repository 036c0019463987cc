"""Positions and rates of blanks as pure functions."""

from __future__ import annotations

import pytest
import torch

from textgan_plugins.maskgan import spans

VALID = torch.arange(6) < torch.tensor([[6], [4], [1], [0]])


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_rate_changes_linearly() -> None:
    rate = spans.BlankRate(0.2, final_rate=0.8, over=100)
    assert [rate.mean(index) for index in (0, 25, 100, 999)] == pytest.approx([0.2, 0.35, 0.8, 0.8])
    assert spans.BlankRate(0.2).mean(50) == 0.2


def test_sentences_have_rates_of_their_own() -> None:
    rates = spans.BlankRate(0.5, rate_jitter=0.3, full_blank_rate=0.25).sample(100_000, rng(), 0)
    assert (rates == 1).double().mean().item() == pytest.approx(0.25, abs=0.01)
    partial = rates[rates < 1]
    assert (partial.min().item(), partial.max().item()) == pytest.approx((0.2, 0.8), abs=1e-3)


def test_rates_are_clamped() -> None:
    rates = spans.BlankRate(0.9, rate_jitter=1.0).sample(1000, rng(), 0)
    assert (rates.min().item(), rates.max().item()) == pytest.approx((0.0, 1.0), abs=0.02)
    assert 0.3 < (rates == 1).double().mean().item() < 0.6


@pytest.mark.parametrize(
    ("options", "message"),
    [({"over": 10}, "over=10: there is no final_rate"), ({"final_rate": 0.9}, "final_rate=0.9: over is 0")],
)
def test_an_incomplete_schedule_is_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spans.BlankRate(0.2, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("choose", [spans.contiguous, spans.scattered], ids=["contiguous", "scattered"])
def test_rates_0_and_1_blank_nothing_and_everything_but_padding(choose: object) -> None:
    assert not choose(VALID, torch.zeros(4), rng()).any()  # type: ignore[operator]
    assert torch.equal(choose(VALID, torch.ones(4), rng()), VALID)  # type: ignore[operator]


def test_a_run_has_the_length_of_its_own_rate() -> None:
    counts = spans.contiguous(VALID, torch.tensor([0.5, 0.25, 1.0, 1.0]), rng()).sum(1)
    assert counts.tolist() == [3, 1, 1, 0]


def test_a_fractional_length_is_rounded_with_an_exact_mean() -> None:
    valid = torch.ones(20_000, 5, dtype=torch.bool)
    counts = spans.contiguous(valid, torch.full((20_000,), 0.45), rng()).sum(1).double()  # 2.25 on average
    assert set(counts.tolist()) == {2.0, 3.0}
    assert counts.mean().item() == pytest.approx(2.25, abs=0.02)


def test_scattered_blanks_have_the_rate_of_their_own_sentence() -> None:
    valid = torch.ones(2, 20_000, dtype=torch.bool)
    shares = spans.scattered(valid, torch.tensor([0.1, 0.7]), rng()).double().mean(1)
    assert shares.tolist() == pytest.approx([0.1, 0.7], abs=0.02)
