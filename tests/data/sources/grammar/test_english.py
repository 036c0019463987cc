"""The built-in grammar: its sentences, and the properties that its tables promise."""

from __future__ import annotations

import numpy as np
import pytest
from support.grammars import ambiguity, tiny

from textgan.data.sources.grammar import load
from textgan.data.sources.grammar.english import WORDS


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return load().sample(3000, np.random.default_rng(0))


def test_no_sentence_has_two_derivations() -> None:
    assert ambiguity(load()) is None


@pytest.mark.parametrize(
    "rules",
    [
        "Sentence = Animal.s sleeps | cat sleeps",
        "Sentence = fast?50 fast?50 cat",
        "Sentence = cat Animal.s | cat owl",
    ],
)
def test_two_derivations_are_found(rules: str) -> None:
    assert ambiguity(tiny(rules)) is not None


def test_every_rule_and_word_is_used() -> None:
    words = {
        form for line in WORDS.splitlines() for entry in line.rpartition(":")[2].split() for form in entry.split("/")
    }
    assert words - set(load().words) == {"-"}
    assert 300 <= len(load().words) <= 600


def test_sentences_have_3_to_16_words(sentences: list[str]) -> None:
    assert load().lengths() == (3, 16)
    lengths = {len(sentence.split()) for sentence in sentences}
    assert min(lengths) >= 3
    assert max(lengths) <= 16


def test_articles(sentences: list[str]) -> None:
    pairs = [pair for s in sentences for pair in zip(s.split(), s.split()[1:], strict=False)]
    assert all(second[0] in "aeiou" for first, second in pairs if first == "an")
    assert all(second[0] not in "aeiou" for first, second in pairs if first == "a")
