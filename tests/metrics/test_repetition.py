from __future__ import annotations

import pytest

from textgan.core.errors import UserError
from textgan.metrics.repetition import Repetition
from textgan.testing import check_metric


def test_contract() -> None:
    check_metric(Repetition())


def test_values_of_known_sentences(world) -> None:
    texts = ["the cat and the cat", "a a a a", "no word twice", ""]
    found = Repetition(orders=(1, 2))(world(texts, test=("the man and the dog", "it")))
    assert found["repeated1"] == pytest.approx((2 + 3 + 0) / (5 + 4 + 3))
    assert found["repeated2"] == pytest.approx((1 + 2 + 0) / (4 + 3 + 2))
    assert found["repeated1_test"] == pytest.approx(1 / 6)
    assert found["repeated2_test"] == 0


def test_repeated_sentences_are_not_repetition_within_one(world) -> None:
    assert Repetition(orders=(1,))(world(["one two three"] * 9))["repeated1"] == 0


def test_empty_texts_and_orders(world) -> None:
    assert Repetition()(world(["", ""]))["repeated3"] == 0
    with pytest.raises(UserError, match="at least one order"):
        Repetition(orders=())
