from __future__ import annotations

import pytest
from support.worlds import World

from textgan.core.errors import UserError
from textgan.metrics.diversity import Distinct, Unique


def test_distinct_is_over_all_samples_together_and_within_sentences(world: World) -> None:
    measured = Distinct()(world(["a b a", "a b", "c"]))
    assert measured == {"distinct1": 3 / 6, "distinct2": 2 / 3, "distinct3": 1 / 1}


def test_distinct_is_zero_where_no_sample_is_long_enough(world: World) -> None:
    assert Distinct(orders=[3])(world(["a b", ""])) == {"distinct3": 0}


def test_distinct_falls_with_the_number_of_samples_which_the_signature_states(world: World) -> None:
    metric = Distinct(orders=[1])
    assert metric(world(["a b"] * 4)) == {"distinct1": 0.25}
    assert metric.signature() == "distinct-1|hyps:4|tok:words|case:as-is"
    with pytest.raises(UserError, match="orders"):
        Distinct(orders=[])


def test_unique_is_the_share_of_different_sentences(world: World) -> None:
    assert Unique()(world(["a b", "a b", "b a", "a b"])) == {"unique": 0.5}
    assert Unique()(world(["a", "b"])) == {"unique": 1}


def test_directions() -> None:
    assert Distinct(orders=[2]).better() == {"distinct2": "higher"}
    assert Unique().better() == {"unique": "higher"}
