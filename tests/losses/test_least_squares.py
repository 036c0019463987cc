from __future__ import annotations

import pytest
from support.opponents import FAKE, REAL, opponent, token_opponent

from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.least_squares import LeastSquares
from textgan.testing import check_loss


def test_contract() -> None:
    check_loss(LeastSquares(), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))


def test_values_equal_the_formula() -> None:
    value, stats = LeastSquares().discriminator(opponent(), REAL, FAKE)  # reals 2, -1; fakes 0.5, -3
    assert value.item() == pytest.approx(0.5 * (1 + 4) / 2 + 0.5 * (0.25 + 9) / 2)
    assert stats["d_accuracy_real"].item() == 0.5
    assert stats["d_accuracy_fake"].item() == 0.5  # 0.5 is the threshold, and not below it


def test_the_chi_square_coding_of_the_paper() -> None:
    loss = LeastSquares(fake=-1.0, target=0.0)
    value, stats = loss.discriminator(opponent(), REAL, FAKE)
    assert value.item() == pytest.approx(0.5 * (1 + 4) / 2 + 0.5 * (2.25 + 4) / 2)
    assert stats["d_accuracy_fake"].item() == 0.5  # of 0.5 and -3, with threshold 0
    assert loss.reward(opponent(), FAKE, REAL)[:, 0].tolist() == pytest.approx([-0.125, -4.5])


def test_scores_without_weight_do_not_count() -> None:
    loss = LeastSquares()
    value, _ = loss.discriminator(token_opponent(), REAL, FAKE)
    assert value.item() == pytest.approx(0.5 * (1 + 4 + 0.49) / 3 + 0.5 * (0.25 + 9) / 2)
    assert loss.reward(token_opponent(), FAKE, REAL)[1].tolist() == [0, 0]


def test_the_reward_is_minus_the_squared_distance_to_the_target() -> None:
    found = LeastSquares().reward(opponent(), FAKE, REAL)
    assert found[:, 0].tolist() == pytest.approx([-0.5 * 0.25, -0.5 * 16])


def test_the_target_for_real_text_must_be_above_that_for_fakes() -> None:
    with pytest.raises(ValueError, match=r"real=0\.0: not above fake=1\.0"):
        LeastSquares(fake=1.0, real=0.0)
