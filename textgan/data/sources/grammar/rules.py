"""Parses rules and words in the notation of `english` into productions and word classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

Agreement = Mapping[str, dict[str, str]]
"""Value of a variable -> what replaces other names in braces."""

Words = tuple[tuple[str, float], ...]
"""A word class: distinct words and their probabilities."""


class Item(NamedTuple):
    """A rule, a class or a plain word, and the probability that it is present."""

    name: str
    probability: float = 1.0


Items = tuple[Item, ...]


class Rules(NamedTuple):
    """Holds a weighted grammar.

    Args:
        productions: name -> alternatives with probabilities that sum to 1.
        classes: name -> words.
    """

    productions: Mapping[str, tuple[tuple[float, Items], ...]]
    classes: Mapping[str, Words]


def read_rules(rules: str, words: str, agreement: Agreement, sets: Mapping[str, str]) -> Rules:
    """Parses a grammar. `textgan.data.sources.grammar.english` describes the notation.

    Args:
        rules: the rules, one a line.
        words: the word classes, one a line.
        agreement: what a variable's value determines, such as the forms of verbs.
        sets: name -> values that a variable may take, separated by spaces.
    """
    weighted: dict[str, list[tuple[float, Items]]] = {}
    for name, alternatives in _repeated(rules, agreement, sets):
        for alternative in alternatives.split("|"):
            weight, colon, body = alternative.rpartition(":")
            items = tuple(_item(word) for word in body.split())
            weighted.setdefault(name, []).append((float(weight) if colon else 1.0, items))
    productions = {
        name: tuple((weight / sum(w for w, _ in found), items) for weight, items in found)
        for name, found in weighted.items()
    }
    classes = dict(_classes(words))
    both = productions.keys() & classes.keys()
    assert not both, f"rules that are also classes: {both}"
    return Rules(productions, classes)


def normalized(words: Words) -> Words:
    """Scales the probabilities of words such that they sum to 1."""
    total = sum(weight for _, weight in words)
    return tuple((word, weight / total) for word, weight in words)


def _repeated(rules: str, agreement: Agreement, sets: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yields (name, alternatives) of every rule, with the names in braces replaced."""
    repeats: list[dict[str, str]] = [{}]
    for line in rules.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line == "once":
            repeats = [{}]
        elif line.startswith("for "):
            choices = []
            for clause in line.removeprefix("for ").split(";"):
                variable, values = clause.split(" in ")
                chosen = sets.get(values.strip(), values).split()
                choices.append([{variable.strip(): value} | agreement.get(value, {}) for value in chosen])
            repeats = [{k: v for part in parts for k, v in part.items()} for parts in product(*choices)]
        else:
            for filled in repeats:
                name, _, alternatives = line.format(**filled).partition("=")
                yield name.strip(), alternatives


def _item(text: str) -> Item:
    if text == "?":
        return Item(text)
    name, _, percent = text.partition("?")
    return Item(name, float(percent) / 100 if percent else 1.0)


def _classes(words: str) -> Iterator[tuple[str, Words]]:
    """Yields the word classes. The k-th word (from 0) has the weight 1 / (k + 8), a mild form of Zipf's law."""
    for line in filter(str.strip, words.replace("\n  ", " ").splitlines()):
        head, _, entries = line.partition(":")
        name, _, forms = head.partition(".")
        # "Beast.sp" names forms of one letter each, "Noun.she" is a plain class whose entries have no forms
        inflected = "/" in entries
        for column, form in enumerate(forms if inflected else [forms]):
            ranked = [entry.split("/")[column] for entry in entries.split()]
            weights = ((word, 1 / (rank + 8)) for rank, word in enumerate(ranked) if word != "-")
            yield f"{name}.{form}" if form else name, normalized(tuple(weights))
