from __future__ import annotations

import pytest
from support.worlds import World

from textgan.core.errors import UserError
from textgan.metrics.lengths import Lengths


def test_lengths_are_counted_in_words() -> None:
    world = World(max_len=4)
    measured = Lengths()(world(["a b c d", "", "a b c", "e"], test=["a", "a b c"], train=["a"]))
    assert measured == pytest.approx(
        {
            "length_mean": 2,
            "length_std": 2.5**0.5,
            "length_mean_test": 2,
            "length_std_test": 1,
            "unfinished": 0.25,
            "empty": 0.25,
        }
    )


def test_without_an_end_token_nothing_is_unfinished() -> None:
    world = World(max_len=2)
    assert Lengths()(world(["a b", "c d"], eos=None))["unfinished"] == 0
    assert Lengths()(world(["a b", "c d"]))["unfinished"] == 1


def test_an_end_token_in_the_padding_does_not_count() -> None:
    evaluation = World(max_len=3)(["a b c"])
    evaluation.samples.x[0, 2] = 2
    evaluation.samples.valid[0, 2] = False
    assert Lengths()(evaluation)["unfinished"] == 1


def test_lengths_have_no_direction_and_need_a_test_split(world: World) -> None:
    assert Lengths().better() == {}
    with pytest.raises(UserError, match="test split"):
        Lengths()(world(["a"], test=[]))
