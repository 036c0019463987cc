from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from scipy import stats

from textgan.core.errors import UserError
from textgan.core.types import Samples
from textgan.data.corpus import Split
from textgan.metrics.two_sample import TwoSample

WORDS = "abcdefgh"


def sentences(count: int, seed: int, sorted_share: float = 0.0) -> list[str]:
    """Returns sentences of random words, a share of them in alphabetical order."""
    rng = random.Random(seed)
    words = [[rng.choice(WORDS) for _ in range(5)] for _ in range(count)]
    return [" ".join(sorted(s) if rng.random() < sorted_share else s) for s in words]


def test_equal_distributions_are_classified_no_better_than_by_guessing(world) -> None:
    test = TwoSample(steps=40, filters=4)
    small = 0
    for seed in range(12):
        torch.manual_seed(seed)
        found = test(world(sentences(200, 2 * seed), test=sentences(200, 2 * seed + 1)))
        assert 0.35 < found["two_sample"] < 0.65
        small += found["two_sample_p"] < 0.05
    assert small <= 3, "of 12; a valid p-value is below 0.05 in one of twenty"


def test_another_distribution_is_detected(world) -> None:
    torch.manual_seed(0)
    found = TwoSample(steps=60, filters=8)(world(sentences(400, 0, sorted_share=0.9), test=sentences(400, 1)))
    assert found["two_sample"] > 0.75
    assert found["two_sample_p"] < 1e-6


def test_the_p_value_is_binomial_over_the_held_out_half(world) -> None:
    torch.manual_seed(0)
    test = TwoSample(steps=5, filters=2)
    found = test(world(sentences(301, 0), test=sentences(90, 1)))
    correct = round(found["two_sample"] * 90)
    assert found["two_sample_p"] == pytest.approx(stats.binom.sf(correct - 1, 90, 0.5))
    assert test.signature().endswith("held:45+45")


def test_test_sentences_with_forbidden_words_are_left_out(world) -> None:
    """Most test sentences have one. The others have the distribution of the samples."""
    test = [f"{text} UNKNOWN" if n % 4 else text for n, text in enumerate(sentences(800, 1))]
    word = len(world.words) + 3
    world.words["UNKNOWN"] = word
    torch.manual_seed(0)
    metric = TwoSample(steps=60, filters=8)
    assert metric(world(sentences(400, 0), test=test, forbidden_ids=(0, 1, word)))["two_sample_p"] > 0.01
    assert metric.signature().endswith("held:100+100")
    assert metric(world(sentences(400, 0), test=test))["two_sample_p"] < 0.01


def test_splits_that_differ_are_reported(world) -> None:
    torch.manual_seed(0)
    metric = TwoSample(steps=60, filters=8)
    test = sentences(400, 1)
    alike = metric(world(sentences(400, 0), test=test))
    assert alike["two_sample_real"] < 0.6, "validation equals test here"
    other = world(sentences(400, 0), test=test)
    ordered = world.batch(sentences(400, 2, sorted_share=0.9))
    corpus = replace(other.corpus, validation=Split(ordered, ()))
    assert TwoSample(steps=60, filters=8)(replace(other, corpus=corpus))["two_sample_real"] > 0.75


def test_a_collapsed_model_is_detected_although_its_one_sentence_is_real(world) -> None:
    torch.manual_seed(0)
    test = sentences(400, 1)
    assert TwoSample(steps=60, filters=8)(world([test[0]] * 400, test=test))["two_sample"] > 0.95


def test_padding_is_not_read(world) -> None:
    torch.manual_seed(0)
    evaluation = world(sentences(100, 0), test=sentences(100, 1))
    samples = evaluation.samples
    noisy = Samples(torch.where(samples.valid, samples.x, 3), samples.valid, samples.chosen)
    other = replace(evaluation, samples=noisy)
    values = []
    for each in (evaluation, other):
        torch.manual_seed(0)
        values.append(TwoSample(steps=10, filters=2)(each))
    assert values[0] == values[1]


def test_few_sentences_are_an_error(world) -> None:
    with pytest.raises(UserError, match="at least 40"):
        TwoSample()(world(sentences(100, 0), test=sentences(30, 1)))
