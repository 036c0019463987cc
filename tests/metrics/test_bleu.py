from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.worlds import World

from textgan.core.errors import UserError
from textgan.metrics.bleu import Bleu, SelfBleu
from textgan.metrics.functional.bleu import sentence_bleu
from textgan.metrics.functional.ngrams import Ngrams

REFERENCES = ["the cat sat on the mat", "the the cat", "a dog", "a dog ran over the mat and sat", "x"]
SAMPLES = ["", "zebra", "the cat sat on the mat", "the cat sat", "mat the on sat cat the", "a dog", "a dog"]


def test_the_mean_over_sentences_is_reported_for_each_order(world: World) -> None:
    measured = Bleu()(world(SAMPLES, test=REFERENCES))
    assert list(measured) == ["bleu2", "bleu3", "bleu4", "bleu5"]
    for n in (2, 3, 4, 5):
        expected = sentence_bleu(REFERENCES, SAMPLES, n)[-1].mean()
        assert measured[f"bleu{n}"] == pytest.approx(expected, abs=1e-12)
    assert Bleu(orders=[4])(world(SAMPLES, test=REFERENCES)) == {"bleu4": measured["bleu4"]}


def test_the_references_are_the_test_split_and_not_train(world: World) -> None:
    copied = ["a b c d e f", "g h i j k l"]
    assert Bleu()(world(copied, train=copied, test=["m n o p q"]))["bleu2"] == 0
    assert Bleu()(world(copied, test=copied, train=["m n o p q"]))["bleu5"] == 1


def test_references_are_counted_once_for_each_split(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Sequence[str]] = []
    original = Ngrams.count
    metric = Bleu()
    first, other = world(SAMPLES, test=REFERENCES), world(SAMPLES, test=["on the zebra"])
    expected = [Bleu()(first), Bleu()(other)]

    def count(texts: Sequence[str], highest: int) -> Ngrams:
        counted.append(texts)
        return original(texts, highest)

    monkeypatch.setattr(Ngrams, "count", count)
    assert [metric(first), metric(first)] == [expected[0]] * 2
    assert counted == [REFERENCES, SAMPLES, SAMPLES]
    assert [metric(other), metric(first)] == expected[::-1]


def test_self_bleu_does_not_count_a_sample_among_its_own_references(world: World) -> None:
    texts = ["a b c d e f", "g h i j k l", "m n o p q r"]
    assert sentence_bleu(texts, texts, 5)[4].mean() == 1, "the well-known error scores 1"
    assert set(SelfBleu()(world(texts)).values()) == {0}
    assert set(SelfBleu()(world(texts[:1] * 3)).values()) == {1}


def test_self_bleu_needs_two_samples(world: World) -> None:
    with pytest.raises(UserError, match="expected at least 2"):
        SelfBleu()(world(["alone"]))


def test_bleu_needs_a_test_split(world: World) -> None:
    with pytest.raises(UserError, match="test split"):
        Bleu()(world(["a"], test=[]))


@pytest.mark.parametrize("metric", [Bleu, SelfBleu])
def test_orders_may_not_be_empty(metric: type[Bleu] | type[SelfBleu]) -> None:
    with pytest.raises(UserError, match="orders"):
        metric(orders=[])


def test_the_signature_states_the_convention(world: World) -> None:
    bleu, self_bleu = Bleu(), SelfBleu(orders=[5, 2])
    assert bleu.signature().startswith("bleu-2..5|refs:test|hyps:samples|smooth:method1|tok:words|case:as-is|")
    for metric in (bleu, self_bleu):
        metric(world(SAMPLES, test=REFERENCES))
    assert bleu.signature().startswith("bleu-2..5|refs:5|hyps:7|smooth:method1|tok:words|case:as-is|")
    assert "mean-of-sentences|textgan " in bleu.signature()
    assert self_bleu.signature().startswith("self-bleu-2,5|refs:6 others|hyps:7|")


def test_directions() -> None:
    assert Bleu(orders=[2, 3]).better() == {"bleu2": "higher", "bleu3": "higher"}
    assert SelfBleu(orders=[2]).better() == {"self_bleu2": "lower"}
