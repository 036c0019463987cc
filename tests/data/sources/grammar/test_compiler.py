"""Rules become an automaton."""

from __future__ import annotations

import numpy as np
import pytest
from support.grammars import tiny


def test_equal_continuations_are_one_node() -> None:
    automaton = tiny("Sentence = One | Two\nOne = cat Rest\nTwo = owls Rest\nRest = runs fast | sleeps", "")
    assert len(automaton.end) == 4  # the start, the node after either animal, "fast", the end


def test_options_and_articles_are_expanded() -> None:
    automaton = tiny("Sentence = a Adj?50 Animal.s", "Animal.sp: owl/owls cat/cats\nAdj: old")
    found = set(automaton.sample(500, np.random.default_rng(0)))
    assert found == {"an owl", "a cat", "an old owl", "an old cat"}
    assert automaton.words == ("a", "an", "cat", "old", "owl")


def test_weights_are_probabilities_of_alternatives() -> None:
    automaton = tiny("Sentence = 3: one | two", "")
    start = automaton.source == automaton.start
    assert sorted(automaton.weight[start].tolist()) == [0.25, 0.75]


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(KeyError, match="Nothing is neither a rule nor a word class"):
        tiny("Sentence = Nothing", "")


def test_a_sentence_may_be_empty() -> None:
    automaton = tiny("Sentence = one?25", "")
    assert automaton.end[automaton.start] == pytest.approx(0.75)
    assert automaton.lengths() == (0, 1)
