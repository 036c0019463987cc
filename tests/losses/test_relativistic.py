from __future__ import annotations

import math

import pytest
import torch
from support.opponents import FAKE, REAL, Linear, opponent, samples, token_opponent

from textgan.core.types import Samples
from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.relativistic import Relativistic
from textgan.testing import check_loss, tiny_vocabulary


def log_sigmoid(x: float) -> float:
    return -math.log(1 + math.exp(-x))


@pytest.mark.parametrize("averaged", [False, True])
def test_contract(averaged: bool) -> None:
    check_loss(Relativistic(averaged), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))


def test_values_equal_the_formula() -> None:
    value, stats = Relativistic().discriminator(opponent(), REAL, FAKE)
    assert value.item() == pytest.approx(-(log_sigmoid(2.0 - 0.5) + log_sigmoid(-1.0 + 3.0)) / 2)
    assert stats["d_accuracy_pairs"].item() == 1.0


def test_averaged_compares_each_score_with_the_mean_of_the_other_kind() -> None:
    value, _ = Relativistic(averaged=True).discriminator(opponent(), REAL, FAKE)
    mean_real, mean_fake = 0.5, -1.25
    reals = sum(log_sigmoid(x - mean_fake) for x in (2.0, -1.0)) / 2
    fakes = sum(log_sigmoid(mean_real - x) for x in (0.5, -3.0)) / 2
    assert value.item() == pytest.approx(-reals - fakes)


def test_scores_without_weight_do_not_count() -> None:
    value, stats = Relativistic().discriminator(token_opponent(), REAL, FAKE)
    assert value.item() == pytest.approx(-log_sigmoid(2.0 - 0.5))  # the only pair in which both scores count
    assert stats["d_accuracy_pairs"].item() == 1.0
    value, _ = Relativistic(averaged=True).discriminator(token_opponent(), REAL, FAKE)
    mean_real, mean_fake = 1.3 / 3, -1.25
    reals = sum(log_sigmoid(x - mean_fake) for x in (2.0, -1.0, 0.3)) / 3
    fakes = sum(log_sigmoid(mean_real - x) for x in (0.5, -3.0)) / 2
    assert value.item() == pytest.approx(-reals - fakes)


@pytest.mark.parametrize(
    ("reward_transform", "transform"),
    [("log_probability", log_sigmoid), ("probability", lambda x: math.exp(log_sigmoid(x))), ("logit", lambda x: x)],
)
def test_the_reward_compares_with_the_mean_real_score(reward_transform: str, transform: object) -> None:
    found = Relativistic(reward_transform=reward_transform).reward(opponent(), FAKE, REAL)  # type: ignore[arg-type]
    assert found[:, 0].tolist() == pytest.approx([transform(0.5 - 0.5), transform(-3.0 - 0.5)])  # type: ignore[operator]
    found = Relativistic(reward_transform=reward_transform).reward(token_opponent(), FAKE, REAL)  # type: ignore[arg-type]
    expected = [transform(0.5 - 1.3 / 3), transform(-3.0 - 1.3 / 3)]  # type: ignore[operator]
    assert found[0].tolist() == pytest.approx(expected, abs=1e-6)
    assert found[1].tolist() == [0, 0]


def test_the_reward_does_not_depend_on_the_other_fakes() -> None:
    """With roll-outs there are many more fakes than reals."""
    d = Linear(torch.tensor([[1.0, 3.0], [0.0, 1.0]]))
    many = Samples(torch.tensor([[0, 0], [0, 1], [1, 0]]).repeat(50, 1), *[torch.ones(150, 2, dtype=torch.bool)] * 2)
    real = samples(1, rows=2, length=2)
    found = Relativistic().reward(d, many, real)
    assert found.shape == (150, 1)
    torch.testing.assert_close(found[:3], Relativistic().reward(d, many[:3], real))
    assert found[:3, 0].tolist() == pytest.approx([log_sigmoid(x - 4.0) for x in (1.0, 2.0, 3.0)])


def test_only_differences_count() -> None:
    torch.manual_seed(0)
    d = TextCnn(tiny_vocabulary(4), embed_dim=4, filters=4).eval()
    before = Relativistic().discriminator(d, REAL, FAKE).value.item(), Relativistic().reward(d, FAKE, REAL)
    with torch.no_grad():
        d.output.bias[1] += 5.0
    assert Relativistic().discriminator(d, REAL, FAKE).value.item() == pytest.approx(before[0], abs=1e-6)
    torch.testing.assert_close(Relativistic().reward(d, FAKE, REAL), before[1], atol=1e-5, rtol=1e-5)
