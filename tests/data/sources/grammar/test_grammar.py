"""The grammar as a source of text."""

from __future__ import annotations

import numpy as np
import pytest

from textgan.core.errors import UserError
from textgan.data.sources.grammar import Grammar, examples, load
from textgan.data.tokenizers.builtin import bpe


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    return load().sample(3000, np.random.default_rng(0))


def test_splits_are_disjoint_and_of_the_given_sizes() -> None:
    raw = Grammar(sentences=3000, validation=300, test=500).read(seed=1)
    assert [len(raw.train), len(raw.validation), len(raw.test)] == [3000, 300, 500]
    assert not set(raw.train) & set(raw.test)
    assert not set(raw.train) & set(raw.validation)
    assert not set(raw.validation) & set(raw.test)
    assert raw.notes["sentences of another split sampled again"] > 0


def test_text_depends_only_on_the_seed() -> None:
    grammar = Grammar(sentences=50, validation=20, test=30)
    assert grammar.read(seed=1) == grammar.read(seed=1)
    assert grammar.read(seed=1).train != grammar.read(seed=2).train
    assert Grammar(sentences=70, validation=10, test=30).read(seed=1).test == grammar.read(seed=1).test


def test_ten_thousand_sentences_have_few_duplicates() -> None:
    train = Grammar().read(seed=0).train
    assert len(set(train)) > 0.98 * len(train)
    assert {word for sentence in train for word in sentence.split()} == set(load().words)


def test_examples_depend_on_the_seed() -> None:
    assert len(examples()) == 10
    assert examples(3, seed=1) == examples(3, seed=1) != examples(3, seed=2)


def test_tokenizers_that_split_words_are_rejected(sentences: list[str]) -> None:
    with pytest.raises(UserError, match="whole words"):
        Grammar().oracle(bpe(sentences, vocab_size=300))
