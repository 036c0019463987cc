from __future__ import annotations

import pytest
from support.opponents import FAKE, REAL, opponent, token_opponent

from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.margin import Margin
from textgan.testing import check_loss


def test_contract() -> None:
    check_loss(Margin(), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))


@pytest.mark.parametrize(("margin", "expected"), [(1.0, 0.0), (1.8, 0.3 / 2), (4.0, (2.5 + 2.0) / 2)])
def test_values_equal_the_formula(margin: float, expected: float) -> None:
    value, stats = Margin(margin).discriminator(opponent(), REAL, FAKE)  # differences 1.5 and 2
    assert value.item() == pytest.approx(expected, abs=1e-6)
    assert stats["d_accuracy_pairs"].item() == 1.0


def test_only_pairs_within_the_margin_have_a_gradient() -> None:
    d = opponent()
    Margin(1.8).discriminator(d, REAL, FAKE).value.backward()
    assert d.logits["real"].grad is not None
    assert d.logits["fake"].grad is not None
    assert d.logits["real"].grad.tolist() == [[-0.5], [0.0]]  # of the pair whose difference is below 1.8
    assert d.logits["fake"].grad.tolist() == [[0.5], [0.0]]


def test_scores_without_weight_do_not_count() -> None:
    value, _ = Margin(2.0).discriminator(token_opponent(), REAL, FAKE)
    assert value.item() == pytest.approx(0.5)


def test_the_reward_is_the_logit() -> None:
    assert Margin().reward(opponent(), FAKE, REAL).tolist() == [[0.5], [-3.0]]
    assert Margin().reward(token_opponent(), FAKE, REAL).tolist() == [[0.5, -3.0], [0, 0]]
