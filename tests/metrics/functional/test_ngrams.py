from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from textgan.metrics.functional.ngrams import Ngrams, _sorted

TRICKY = ["", "a a a a", "a b", "b", "a b a b a", "", "c a b a", "a a", ""]


def shuffled(seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices("abcde", k=rng.randrange(9))) for _ in range(30)]


def count_naively(texts: list[str], n: int) -> list[Counter[tuple[str, ...]]]:
    split = [text.split() for text in texts]
    return [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in split]


@pytest.mark.parametrize("texts", [TRICKY, shuffled(0), shuffled(1), [], [""]])
def test_counts_equal_those_of_counters(texts: list[str]) -> None:
    ngrams = Ngrams.count(texts, 4)
    assert ngrams.lengths.tolist() == [len(text.split()) for text in texts]
    for n, table in enumerate(ngrams.tables, 1):
        expected = count_naively(texts, n)
        every = sum(expected, Counter())
        assert len(table.keys) == len(every)
        assert table.times.sum() == every.total()
        assert table.total(table.times, len(texts)).tolist() == [counts.total() for counts in expected]
        largest = Counter[tuple[str, ...]]()
        for counts in expected:
            largest |= counts
        assert sorted(table.largest().tolist()) == sorted(largest.values())


@pytest.mark.parametrize("texts", [TRICKY, shuffled(2), shuffled(3)])
def test_the_largest_count_elsewhere_excludes_the_sentence_itself(texts: list[str]) -> None:
    for n, table in enumerate(Ngrams.count(texts, 3).tables, 1):
        counts = count_naively(texts, n)
        clipped = table.total(np.minimum(table.times, table.largest_elsewhere()), len(texts))
        for row, own in enumerate(counts):
            others = Counter[tuple[str, ...]]()
            for other in counts[:row] + counts[row + 1 :]:
                others |= other
            assert clipped[row] == (own & others).total()


def test_ids_in_another_table_exist_for_common_ngrams_only() -> None:
    one, other = shuffled(4), [text.replace("a", "z") for text in shuffled(5)]
    other_ngrams = Ngrams.count(other, 3)
    for n, known in enumerate(Ngrams.count(one, 3).ids_in(other_ngrams), 1):
        common = sum(count_naively(one, n), Counter()).keys() & sum(count_naively(other, n), Counter()).keys()
        found = known[known >= 0]
        assert len(found) == len(common) == len(set(found.tolist()))


@pytest.mark.parametrize("other", ["", "x", "x z", "y y x"])
def test_ngrams_with_an_unknown_part_have_no_id(other: str) -> None:
    of_two_words = list(Ngrams.count(["y x"], 2).ids_in(Ngrams.count([other], 2)))[1]
    assert of_two_words.tolist() == ([1] if other == "y y x" else [-1])


@pytest.mark.parametrize("largest", [1, 1000, 2**40, 2**62], ids="up to {}".format)
@pytest.mark.parametrize("count", [0, 1, 2, 1000, 1024])
def test_sorting_is_stable_whether_or_not_positions_fit_into_the_numbers(count: int, largest: int) -> None:
    key = np.random.default_rng(count).integers(0, largest, count, endpoint=True)
    key[: count // 3] = largest  # ties
    found, order = _sorted(key)
    expected = np.argsort(key, kind="stable")
    assert found.tolist() == key[expected].tolist()
    assert order.tolist() == expected.tolist()
