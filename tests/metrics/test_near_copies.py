from __future__ import annotations

import itertools
import math
import random
import time

import pytest

from textgan.metrics.near_copies import NearCopies, near
from textgan.testing import check_metric


def by_all_pairs(text: str, known: list[str], share: float) -> bool:
    def pairs(sentence: str) -> set[tuple[str, str]]:
        words = sentence.split()
        return set(itertools.pairwise(words))

    of_text = pairs(text)
    required = max(1, math.ceil(share * len(of_text) - 1e-9))
    return any(len(of_text & pairs(other)) >= required for other in known)


def test_contract() -> None:
    check_metric(NearCopies())


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 1.0])
def test_it_equals_comparing_all_pairs(share: float) -> None:
    rng = random.Random(0)

    def sentence() -> str:
        return " ".join(rng.choice("abcd") for _ in range(rng.randrange(0, 9)))

    texts, known = [sentence() for _ in range(150)], [sentence() for _ in range(40)]
    found = near(texts, known, share)
    assert found.tolist() == [by_all_pairs(text, known, share) for text in texts]
    assert 0.05 < found.mean() < 0.95


def test_a_word_or_its_position_may_differ(world) -> None:
    train = ["the old man walks his dog in the park", "a cat sleeps"]
    texts = [
        "the old man walks his cat in the park",  # a word
        "the old man walks his dog in the big park",  # one more
        "a cat sleeps",  # the very same
        "in the park the old cat sleeps",  # pieces of both
        "park the in dog his walks man old the",  # another order
    ]
    assert near(texts, train, 0.7).tolist() == [True, True, True, False, False]
    found = NearCopies()(world(texts, test=("a cat sleeps", "nothing like it here"), train=train))
    assert found == {"near_train": 0.6, "near_test": 0.2, "near_real_copied": 0.5}


def test_empty_texts_and_splits(world) -> None:
    assert near(["one", ""], ["one", ""], 0.7).tolist() == [False, False], "no pairs of words"
    assert NearCopies()(world(["a b"], test=(), train=()))["near_train"] == 0


def test_ten_thousand_take_seconds() -> None:
    rng = random.Random(0)
    words = [f"w{n}" for n in range(200)]

    def sentence() -> str:
        return " ".join(words[int(200 * rng.random() ** 3)] for _ in range(12))

    texts, known = [sentence() for _ in range(10_000)], [sentence() for _ in range(10_000)]
    start = time.process_time()
    near(texts, known, 0.7)
    assert time.process_time() - start < 20
