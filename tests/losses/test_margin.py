from __future__ import annotations

import pytest
from support.opponents import FAKE, REAL, opponent, token_opponent

from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.margin import Margin
from textgan.testing import check_loss


def test_does_what_every_loss_must() -> None:
    check_loss(Margin(), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))


@pytest.mark.parametrize(("margin", "expected"), [(1.0, 0.0), (1.8, 0.3 / 2), (4.0, (2.5 + 2.0) / 2)])
def test_the_numbers_are_those_of_the_formula(margin: float, expected: float) -> None:
    value, stats = Margin(margin).discriminator(opponent(), REAL, FAKE)  # ahead by 1.5 and by 2
    assert value.item() == pytest.approx(expected, abs=1e-6)
    assert stats["d_accuracy_pairs"].item() == 1.0


def test_the_expert_comes_first_whatever_the_scale_begins_with() -> None:
    d = opponent()
    Margin(1.8).discriminator(d, REAL, FAKE).value.backward()
    assert d.logits["real"].grad is not None
    assert d.logits["fake"].grad is not None
    assert d.logits["real"].grad.tolist() == [[-0.5], [0.0]]  # of the pair that is not yet 1.8 apart
    assert d.logits["fake"].grad.tolist() == [[0.5], [0.0]]


def test_verdicts_without_weight_do_not_count() -> None:
    value, _ = Margin(2.0).discriminator(token_opponent(), REAL, FAKE)
    assert value.item() == pytest.approx(0.5)


def test_a_fake_earns_its_logit() -> None:
    assert Margin().reward(opponent(), FAKE, REAL).tolist() == [[0.5], [-3.0]]
    assert Margin().reward(token_opponent(), FAKE, REAL).tolist() == [[0.5, -3.0], [0, 0]]
