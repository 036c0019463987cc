from __future__ import annotations

import pytest
from support.worlds import World

from textgan.metrics.copying import Novelty


def test_copies_of_train_and_of_test_are_counted_separately(world: World) -> None:
    train, test = ["a dog", "a cat", "a man runs", "b"], ["a dog", "two cows"]
    samples = ["a cat", "a cat", "a dog", "two cows", "a man", "", "cat a", "a man runs fast", "b", "new"]
    measured = Novelty()(world(samples, test=test, train=train))
    assert measured == pytest.approx(
        {"novelty": 0.6, "copied_train": 0.4, "copied_test": 0.2, "real_copied": 0.5}, abs=1e-12
    )


def test_another_corpus_is_indexed_anew(world: World) -> None:
    metric = Novelty()
    assert metric(world(["a"], train=["a"], test=["b"]))["novelty"] == 0
    assert metric(world(["a"], train=["b"], test=["b"])) == {
        "novelty": 1,
        "copied_train": 0,
        "copied_test": 0,
        "real_copied": 1,
    }


def test_directions() -> None:
    assert Novelty().better() == {"novelty": "higher"}
