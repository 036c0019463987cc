from __future__ import annotations

import pytest
import torch
from support.opponents import FAKE, REAL, Fixed, opponent, token_opponent

from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.hinge import Hinge
from textgan.testing import check_loss


def test_contract() -> None:
    check_loss(Hinge(), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))


def test_values_equal_the_formula() -> None:
    value, stats = Hinge().discriminator(opponent(), REAL, FAKE)
    assert value.item() == pytest.approx((0 + 2) / 2 + (1.5 + 0) / 2)  # reals 2, -1; fakes 0.5, -3
    assert stats["d_loss"].item() == pytest.approx(value.item())
    assert stats["d_accuracy_real"].item() == 0.5
    assert stats["d_accuracy_fake"].item() == 0.5


def test_scores_without_weight_do_not_count() -> None:
    value, _ = Hinge().discriminator(token_opponent(), REAL, FAKE)
    assert value.item() == pytest.approx((0 + 2 + 0.7) / 3 + (1.5 + 0) / 2)


def test_scores_beyond_the_margin_have_no_gradient() -> None:
    d = opponent()
    Hinge().discriminator(d, REAL, FAKE).value.backward()
    assert d.logits["real"].grad is not None
    assert d.logits["real"].grad.tolist() == [[0.0], [-0.5]]
    assert d.logits["fake"].grad is not None
    assert d.logits["fake"].grad.tolist() == [[0.5], [0.0]]


def test_the_reward_is_the_logit() -> None:
    assert Hinge().reward(opponent(), FAKE, REAL).tolist() == [[0.5], [-3.0]]
    assert Hinge().reward(token_opponent(), FAKE, REAL).tolist() == [[0.5, -3.0], [0, 0]]


def test_a_discriminator_without_information_has_loss_two() -> None:
    uninformed = Fixed(real=torch.zeros(2, 1), fake=torch.zeros(2, 1))
    assert Hinge().discriminator(uninformed, REAL, FAKE).value.item() == 2
