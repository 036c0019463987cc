from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.worlds import World

from textgan.core.errors import UserError
from textgan.metrics.base import Evaluation, Metric, distinct_orders, nonempty_split


def test_a_split_that_is_not_empty_is_returned(world: World) -> None:
    corpus = world(["a"], test=["a b"], train=["c"]).corpus
    assert nonempty_split(corpus, "test", "bleu") is corpus.test
    assert nonempty_split(corpus, "train", "bleu") is corpus.train


def test_an_empty_split_names_the_metric_and_the_fix(world: World) -> None:
    corpus = world(["a"], test=[]).corpus
    for split in ("test", "validation"):
        message = rf"^evaluate\.metrics=bleu: the {split} split is empty; expected .*; give the data a {split} split"
        with pytest.raises(UserError, match=message):
            nonempty_split(corpus, split, "bleu")  # type: ignore[arg-type]


def test_orders_are_distinct_and_ascending() -> None:
    assert distinct_orders([3, 1, 3], "distinct") == (1, 3)
    with pytest.raises(UserError, match=r"^distinct\.orders=\[\]: empty; expected at least one order"):
        distinct_orders([], "distinct")


def test_a_metric_has_no_direction_and_no_signature_unless_it_says_so(world: World) -> None:
    class One(Metric):
        def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
            return {"one": 1.0}

    metric = One()
    assert metric(world(["a"])) == {"one": 1}
    assert metric.better() == {}
    assert metric.signature() == ""
    assert metric.default
    assert not metric.requires
