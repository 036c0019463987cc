from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from nltk.translate.bleu_score import SmoothingFunction
from nltk.translate.bleu_score import sentence_bleu as nltk_bleu
from support.worlds import World

from support.paths import SHARED
from textgan.metrics.functional.bleu import leave_one_out, sentence_bleu
from textgan.core.errors import UserError
from textgan.metrics.bleu import Bleu, SelfBleu

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


def babble(seed: int, count: int, words: int = 6, longest: int = 12) -> list[str]:
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
        (babble(0, 25), babble(1, 40)),
        (babble(2, 8, words=30), babble(3, 40, words=40)),
        (babble(4, 3, longest=30), babble(5, 40, longest=30)),
    ],
)
def test_bleu_is_that_of_nltk(references: list[str], hypotheses: list[str]) -> None:
    for n, scores in enumerate(sentence_bleu(references, hypotheses, 5), 1):
        expected = [by_nltk(references, hypothesis, n) for hypothesis in hypotheses]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "texts", [TRICKY, REFERENCES, ["a b", "a b"], ["a", ""], ["", ""], babble(6, 40), babble(7, 9)]
)
def test_self_bleu_is_that_of_nltk_with_one_left_out(texts: list[str]) -> None:
    for n, scores in enumerate(leave_one_out(texts, 5), 1):
        expected = [by_nltk(texts[:i] + texts[i + 1 :], text, n) for i, text in enumerate(texts)]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_bleu_is_that_of_sacrebleu_where_the_conventions_agree() -> None:
    """That is, for hypotheses of at least n words; below, sacrebleu has no score, and NLTK smooths."""
    from sacrebleu.metrics import BLEU

    references = [text for text in babble(8, 20) if text]
    hypotheses = [text for text in babble(9, 60) if len(text.split()) >= 5]
    assert len(hypotheses) > 20
    for n, scores in enumerate(sentence_bleu(references, hypotheses, 5), 1):
        theirs = BLEU(tokenize="none", smooth_method="floor", smooth_value=0.1, max_ngram_order=n)
        expected = [theirs.sentence_score(hypothesis, references).score / 100 for hypothesis in hypotheses]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_the_mean_over_sentences_is_reported_for_each_order(world: World) -> None:
    measured = Bleu()(world(TRICKY, test=REFERENCES))
    assert list(measured) == ["bleu2", "bleu3", "bleu4", "bleu5"]
    for n in (2, 3, 4, 5):
        expected = sum(by_nltk(REFERENCES, text, n) for text in TRICKY) / len(TRICKY)
        assert measured[f"bleu{n}"] == pytest.approx(expected, abs=1e-12)
    assert Bleu(orders=[4])(world(TRICKY, test=REFERENCES)) == {"bleu4": measured["bleu4"]}


def test_the_references_are_the_test_split_and_not_train(world: World) -> None:
    copied = ["a b c d e f", "g h i j k l"]
    assert Bleu()(world(copied, train=copied, test=["m n o p q"]))["bleu2"] == 0
    assert Bleu()(world(copied, test=copied, train=["m n o p q"]))["bleu5"] == 1


def test_references_are_counted_once_for_a_split_and_anew_for_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textgan.metrics.functional.ngrams import Ngrams

    counted: list[Sequence[str]] = []
    original = Ngrams.count
    metric = Bleu()
    first, other = world(TRICKY, test=REFERENCES), world(TRICKY, test=["on the zebra"])
    expected = [Bleu()(first), Bleu()(other)]

    def count(texts: Sequence[str], highest: int) -> Ngrams:
        counted.append(texts)
        return original(texts, highest)

    monkeypatch.setattr(Ngrams, "count", count)
    assert [metric(first), metric(first)] == [expected[0]] * 2
    assert counted == [REFERENCES, TRICKY, TRICKY]
    assert [metric(other), metric(first)] == expected[::-1]


def test_self_bleu_does_not_count_a_sample_among_its_own_references(world: World) -> None:
    texts = ["a b c d e f", "g h i j k l", "m n o p q r"]
    assert sentence_bleu(texts, texts, 5)[4].mean() == 1, "the well-known error scores 1"
    assert set(SelfBleu()(world(texts)).values()) == {0}
    assert set(SelfBleu()(world(texts[:1] * 3)).values()) == {1}


def test_self_bleu_needs_company(world: World) -> None:
    with pytest.raises(UserError, match="draw at least 2"):
        SelfBleu()(world(["alone"]))


def test_bleu_needs_references(world: World) -> None:
    with pytest.raises(UserError, match="test split"):
        Bleu()(world(["a"], test=[]))


@pytest.mark.parametrize("metric", [Bleu, SelfBleu])
def test_orders_may_not_be_empty(metric: type[Bleu] | type[SelfBleu]) -> None:
    with pytest.raises(UserError, match="orders"):
        metric(orders=[])


def test_the_signature_tells_the_convention(world: World) -> None:
    bleu, self_bleu = Bleu(), SelfBleu(orders=[5, 2])
    assert bleu.signature().startswith("bleu-2..5|refs:test|hyps:samples|smooth:method1|tok:words|case:as-is|")
    for metric in (bleu, self_bleu):
        metric(world(TRICKY, test=REFERENCES))
    assert bleu.signature().startswith("bleu-2..5|refs:5|hyps:13|smooth:method1|tok:words|case:as-is|")
    assert "mean-of-sentences|textgan " in bleu.signature()
    assert self_bleu.signature().startswith("self-bleu-2,5|refs:12 others|hyps:13|")


def test_directions() -> None:
    assert Bleu(orders=[2, 3]).better() == {"bleu2": "higher", "bleu3": "higher"}
    assert SelfBleu(orders=[2]).better() == {"self_bleu2": "lower"}


@pytest.mark.skipif(not COCO.is_dir(), reason="the captions are not there")
def test_ten_thousand_captions_against_ten_thousand_take_a_moment(world: World) -> None:
    train, test = ((COCO / name).read_text().splitlines() for name in ("train.txt", "test.txt"))
    start = time.process_time()
    scores = sentence_bleu(test, train, 5)
    own = leave_one_out(train, 5)
    assert time.process_time() - start < 2, "linear time: about 0.2 s"
    few = [0, 1234, 9999]
    assert [scores[3][row] for row in few] == pytest.approx([by_nltk(test, train[row], 4) for row in few], abs=1e-12)
    others = [train[:row] + train[row + 1 :] for row in few]
    expected = [by_nltk(rest, train[row], 4) for rest, row in zip(others, few, strict=True)]
    assert [own[3][row] for row in few] == pytest.approx(expected, abs=1e-12)
    assert scores[1].mean() == pytest.approx(0.7087, abs=1e-4)
