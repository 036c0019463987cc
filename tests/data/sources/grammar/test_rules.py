"""The notation of rules and words."""

from __future__ import annotations

import pytest

from textgan.data.sources.grammar.rules import Item, normalized, read_rules


def test_alternatives_are_weighted_and_options_have_a_probability() -> None:
    rules = read_rules("# comment\nSentence = 3: One Adj?25 | two ?\n\nSentence = 4: three", "Adj: old", {}, {})
    assert rules.productions["Sentence"] == (
        (3 / 8, (Item("One"), Item("Adj", 0.25))),
        (1 / 8, (Item("two"), Item("?"))),
        (4 / 8, (Item("three"),)),
    )


def test_variables_are_replaced_and_bring_their_agreement() -> None:
    agreement = {"she": {"are": "is"}, "they": {"are": "are"}}
    sets = {"people": "she they"}
    rules = read_rules(
        "for g in people; f in p d\nVp.{g}.{f} = {are} V.{f}\nonce\nAll = x", "V.pd: go/went", agreement, sets
    )
    assert rules.productions.keys() == {"Vp.she.p", "Vp.she.d", "Vp.they.p", "Vp.they.d", "All"}
    assert rules.productions["Vp.she.d"] == ((1.0, (Item("is"), Item("V.d"))),)


def test_forms_are_classes_of_their_own() -> None:
    classes = read_rules("S = x", "Beast.sp: dog/dogs\n  fish/-\nDay: morning night\nNoun.she: queen", {}, {}).classes
    assert classes.keys() == {"Beast.s", "Beast.p", "Day", "Noun.she"}
    assert [word for word, _ in classes["Beast.s"]] == ["dog", "fish"]
    assert classes["Beast.p"] == (("dogs", 1.0),)


def test_earlier_words_are_more_frequent() -> None:
    (first, second) = read_rules("S = x", "Day: morning night", {}, {}).classes["Day"]
    assert first[1] / second[1] == pytest.approx(9 / 8)
    assert first[1] + second[1] == pytest.approx(1)


def test_normalized_words_sum_to_one() -> None:
    assert normalized((("a", 1.0), ("b", 3.0))) == (("a", 0.25), ("b", 0.75))


def test_a_name_is_a_rule_or_a_class() -> None:
    with pytest.raises(AssertionError, match="rules that are also classes"):
        read_rules("Day = x", "Day: morning", {}, {})
