"""Compiles rules to an automaton, by leftmost derivation."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TypeAlias

import numpy as np

from textgan.data.sources.grammar.automaton import Automaton, Floats
from textgan.data.sources.grammar.rules import Item, Items, Rules, Words, normalized

Next: TypeAlias = dict[tuple[Words, Items] | None, float]
"""Possible continuations and their probabilities: a word class and the items that remain, or None for the end."""

_BEFORE_CONSONANT, _BEFORE_VOWEL = Item("<a>"), Item("<an>")


def compile_rules(rules: Rules, sentence: str = "Sentence") -> Automaton:
    """Compiles the automaton of all sentences that a rule derives. Nodes with equal continuations are merged.

    The rules must not be recursive: compilation would not terminate.

    Args:
        rules: the grammar.
        sentence: the name of the rule to start from.
    """

    @cache
    def begin(name: str) -> Next:
        """Returns the first words of a word, a class or a rule."""
        if name in rules.productions:
            return _sum((p, advance(items)) for p, items in rules.productions[name])
        if name in rules.classes:
            return {(rules.classes[name], ()): 1.0}
        if not name[0].isupper():
            return {(((name, 1.0),), ()): 1.0}
        raise KeyError(f"{name} is neither a rule nor a word class")

    def advance(items: Items) -> Next:
        """Returns the first words of a sequence of items."""
        if not items:
            return {None: 1.0}
        head, rest = items[0], items[1:]
        if head in (_BEFORE_CONSONANT, _BEFORE_VOWEL):
            return _starting(advance(rest), vowel=head == _BEFORE_VOWEL)[1]
        if head.name == "a":
            after = advance(rest)
            articles = {
                ((("a", 1.0),), (_BEFORE_CONSONANT, *rest)): _starting(after, vowel=False)[0],
                ((("an", 1.0),), (_BEFORE_VOWEL, *rest)): _starting(after, vowel=True)[0],
            }
            return {article: p for article, p in articles.items() if p > 0}
        parts: list[tuple[float, Next]] = []
        following: Next
        for option, p in begin(head.name).items():
            following = advance(rest) if option is None else {(option[0], option[1] + rest): 1.0}
            parts.append((p * head.probability, following))
        if head.probability < 1:
            parts.append((1 - head.probability, advance(rest)))
        return _sum(parts)

    Arcs: TypeAlias = tuple[tuple[Words | None, int, float], ...]
    numbers: dict[Arcs, int] = {}

    @cache
    def number(items: Items) -> int:
        """Returns the node of the remaining items, numbered after all nodes that it leads to."""
        arcs: dict[tuple[Words | None, int], float] = {}
        for option, p in advance(items).items():
            key = (None, -1) if option is None else (option[0], number(option[1]))
            arcs[key] = arcs.get(key, 0.0) + p
        continuations = tuple(sorted(((*key, round(p, 12)) for key, p in arcs.items()), key=repr))
        return numbers.setdefault(continuations, len(numbers))

    number((Item(sentence),))
    return _tabulate(list(numbers))


def _tabulate(nodes: list[tuple[tuple[Words | None, int, float], ...]]) -> Automaton:
    arcs = [(n, words, target, p) for n, node in enumerate(nodes) for words, target, p in node if words is not None]
    classes = {words: c for c, words in enumerate(dict.fromkeys(words for _, words, _, _ in arcs))}
    vocabulary = tuple(sorted({word for words in classes for word, _ in words}))
    column = {word: v for v, word in enumerate(vocabulary)}
    emission: Floats = np.zeros((len(classes), len(vocabulary)))
    for words, c in classes.items():
        for word, p in words:
            emission[c, column[word]] = p
    return Automaton(
        words=vocabulary,
        emission=emission,
        source=np.array([n for n, _, _, _ in arcs]),
        label=np.array([classes[words] for _, words, _, _ in arcs]),
        target=np.array([target for _, _, target, _ in arcs]),
        weight=np.array([p for _, _, _, p in arcs]),
        end=np.array([sum(p for words, _, p in node if words is None) for node in nodes]),
    )


def _sum(parts: Iterable[tuple[float, Next]]) -> Next:
    """Computes a mixture of distributions."""
    total: Next = {}
    for share, options in parts:
        for option, p in options.items():
            total[option] = total.get(option, 0.0) + share * p
    return total


def _starting(options: Next, vowel: bool) -> tuple[float, Next]:
    """Conditions on the next word starting with a vowel or not; returns the condition's probability, too."""
    kept: Next = {}
    for option, p in options.items():
        assert option is not None, "an article needs a word after it"
        words = tuple((word, q) for word, q in option[0] if (word[0] in "aeiou") == vowel)
        if words:
            kept[(normalized(words), option[1])] = p * sum(q for _, q in words)
    total = sum(kept.values())
    return total, {option: p / total for option, p in kept.items()}
