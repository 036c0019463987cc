from __future__ import annotations

import random
import time
from collections.abc import Sequence

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction
from nltk.translate.bleu_score import sentence_bleu as nltk_bleu
from support.paths import SHARED

from textgan.metrics.functional.bleu import References, leave_one_out, sentence_bleu

COCO = SHARED / "coco"
REFERENCES = ["the cat sat on the mat", "the the cat", "a dog", "a dog ran over the mat and sat", "x"]
TRICKY = [
    "",
    "the",
    "the the the the the the the",
    "zebra",
    "zebra the zebra the zebra the",
    "the cat sat on the mat",
    "the cat sat",
    "a dog ran over the mat and sat on the cat",
    "mat the on sat cat the",
    "a dog",
    "a dog",
    "on the",
    "The Cat",
]


def by_nltk(references: Sequence[str], hypothesis: str, n: int) -> float:
    split = [reference.split() for reference in references]
    smoothing = SmoothingFunction().method1
    return float(nltk_bleu(split, hypothesis.split(), (1 / n,) * n, smoothing))


def random_texts(seed: int, count: int, words: int = 6, longest: int = 12) -> list[str]:
    rng = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(words)]
    return [" ".join(rng.choices(vocabulary, k=rng.randrange(longest))) for _ in range(count)]


@pytest.mark.parametrize(
    ("references", "hypotheses"),
    [
        (REFERENCES, TRICKY),
        (REFERENCES[:1], TRICKY),
        (["the the the cat", "", "the cat cat"], TRICKY),
        ([""], TRICKY),
        (TRICKY, TRICKY),
        (random_texts(0, 25), random_texts(1, 40)),
        (random_texts(2, 8, words=30), random_texts(3, 40, words=40)),
        (random_texts(4, 3, longest=30), random_texts(5, 40, longest=30)),
    ],
)
def test_bleu_equals_nltks(references: list[str], hypotheses: list[str]) -> None:
    for n, scores in enumerate(sentence_bleu(references, hypotheses, 5), 1):
        expected = [by_nltk(references, hypothesis, n) for hypothesis in hypotheses]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "texts", [TRICKY, REFERENCES, ["a b", "a b"], ["a", ""], ["", ""], random_texts(6, 40), random_texts(7, 9)]
)
def test_leave_one_out_equals_nltks(texts: list[str]) -> None:
    for n, scores in enumerate(leave_one_out(texts, 5), 1):
        expected = [by_nltk(texts[:i] + texts[i + 1 :], text, n) for i, text in enumerate(texts)]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_bleu_equals_sacrebleus_where_the_conventions_agree() -> None:
    """They agree for hypotheses of at least n words. For shorter ones sacrebleu has no score, and NLTK smooths."""
    from sacrebleu.metrics import BLEU

    references = [text for text in random_texts(8, 20) if text]
    hypotheses = [text for text in random_texts(9, 60) if len(text.split()) >= 5]
    assert len(hypotheses) > 20
    for n, scores in enumerate(sentence_bleu(references, hypotheses, 5), 1):
        sacrebleu = BLEU(tokenize="none", smooth_method="floor", smooth_value=0.1, max_ngram_order=n)
        expected = [sacrebleu.sentence_score(hypothesis, references).score / 100 for hypothesis in hypotheses]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@pytest.mark.skipif(not COCO.is_dir(), reason="needs the captions")
def test_ten_thousand_captions_against_ten_thousand_take_a_moment() -> None:
    train, test = ((COCO / name).read_text().splitlines() for name in ("train.txt", "test.txt"))
    start = time.process_time()
    scores = sentence_bleu(test, train, 5)
    self_scores = leave_one_out(train, 5)
    assert time.process_time() - start < 2, "linear time: about 0.2 s"
    few = [0, 1234, 9999]
    assert [scores[3][row] for row in few] == pytest.approx([by_nltk(test, train[row], 4) for row in few], abs=1e-12)
    others = [train[:row] + train[row + 1 :] for row in few]
    expected = [by_nltk(rest, train[row], 4) for rest, row in zip(others, few, strict=True)]
    assert [self_scores[3][row] for row in few] == pytest.approx(expected, abs=1e-12)
    assert scores[1].mean() == pytest.approx(0.7087, abs=1e-4)


def test_statistics_are_counts_of_matches_and_lengths() -> None:
    matches, lengths, closest = References.count(["a b c", "a b a b a"], 2).statistics(["a a a", "b c d d", ""])
    assert [each.tolist() for each in matches] == [[3, 2, 0], [0, 1, 0]]
    assert lengths.tolist() == [3, 4, 0]
    assert closest.tolist() == [3, 3, 3], "the shorter of two that are equally close"
