from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from scipy import stats

from textgan.data.corpus import Split
from textgan.core.errors import UserError
from textgan.metrics.two_sample import TwoSample
from textgan.metrics.base import Evaluation
from textgan.core.types import Samples

WORDS = "abcdefgh"


def sentences(count: int, seed: int, sorted_share: float = 0.0) -> list[str]:
    """Random words; that share of the sentences in alphabetical order."""
    chance = random.Random(seed)
    found = [[chance.choice(WORDS) for _ in range(5)] for _ in range(count)]
    return [" ".join(sorted(s) if chance.random() < sorted_share else s) for s in found]


def test_the_same_law_is_told_apart_no_better_than_by_guessing(world) -> None:
    test = TwoSample(steps=40, filters=4)
    small = 0
    for seed in range(12):
        torch.manual_seed(seed)
        found = test(world(sentences(200, 2 * seed), test=sentences(200, 2 * seed + 1)))
        assert 0.35 < found["two_sample"] < 0.65
        small += found["two_sample_p"] < 0.05
    assert small <= 3, "of 12; a true p-value would be so small in one of twenty"


def test_another_law_is_found_out(world) -> None:
    torch.manual_seed(0)
    found = TwoSample(steps=60, filters=8)(world(sentences(400, 0, sorted_share=0.9), test=sentences(400, 1)))
    assert found["two_sample"] > 0.75
    assert found["two_sample_p"] < 1e-6


def test_the_p_value_is_binomial_over_what_was_held_out(world) -> None:
    torch.manual_seed(0)
    test = TwoSample(steps=5, filters=2)
    found = test(world(sentences(301, 0), test=sentences(90, 1)))
    right = round(found["two_sample"] * 90)
    assert found["two_sample_p"] == pytest.approx(stats.binom.sf(right - 1, 90, 0.5))
    assert test.signature().endswith("held:45+45")


def test_a_word_that_no_generator_may_write_gives_nothing_away(world) -> None:
    """Most test sentences hold one. They are left out, and what is left is as the samples are."""
    test = [f"{text} UNKNOWN" if n % 4 else text for n, text in enumerate(sentences(800, 1))]
    word = len(world.words) + 3
    world.words["UNKNOWN"] = word
    torch.manual_seed(0)
    metric = TwoSample(steps=60, filters=8)
    assert metric(world(sentences(400, 0), test=test, forbidden_ids=(0, 1, word)))["two_sample_p"] > 0.01
    assert metric.signature().endswith("held:100+100")
    assert metric(world(sentences(400, 0), test=test))["two_sample_p"] < 0.01


def test_splits_that_differ_are_said_to(world) -> None:
    torch.manual_seed(0)
    metric = TwoSample(steps=60, filters=8)
    test = sentences(400, 1)
    alike = metric(world(sentences(400, 0), test=test))
    assert alike["two_sample_real"] < 0.6, "validation is test here"
    other = world(sentences(400, 0), test=test)
    ordered = world.batch(sentences(400, 2, sorted_share=0.9))
    corpus = replace(other.corpus, validation=Split(ordered, ()))
    assert TwoSample(steps=60, filters=8)(replace(other, corpus=corpus))["two_sample_real"] > 0.75


def test_a_collapsed_model_is_found_out_although_its_one_sentence_is_real(world) -> None:
    torch.manual_seed(0)
    test = sentences(400, 1)
    assert TwoSample(steps=60, filters=8)(world([test[0]] * 400, test=test))["two_sample"] > 0.95


def test_padding_changes_nothing(world) -> None:
    """What stands behind the end is not read."""
    torch.manual_seed(0)
    seen = world(sentences(100, 0), test=sentences(100, 1))
    noisy = torch.where(seen.samples.valid, seen.samples.x, torch.full_like(seen.samples.x, 3))
    nobody: Any = SimpleNamespace()
    other = Evaluation(nobody, Samples(noisy, seen.samples.valid, seen.samples.chosen), seen.texts, seen.corpus)
    values = []
    for evaluation in (seen, other):
        torch.manual_seed(0)
        values.append(TwoSample(steps=10, filters=2)(evaluation))
    assert values[0] == values[1]


def test_few_sentences_are_refused(world) -> None:
    with pytest.raises(UserError, match="at least 40"):
        TwoSample()(world(sentences(100, 0), test=sentences(30, 1)))
