"""A tiny grammar, a search for ambiguity, and encoded sentences."""

from __future__ import annotations

from itertools import product

from torch import Tensor

from textgan.data.sources.grammar.automaton import Automaton
from textgan.data.sources.grammar.compiler import compile_rules
from textgan.data.sources.grammar.rules import read_rules
from textgan.data.tokenizers.base import Tokenizer

TINY = """
Sentence = 3: Np.s runs | 1: Np.p run
Np.s = a Adj?25 Animal.s
Np.p = Animal.p
"""
TINY_WORDS = "Animal.sp: owl/owls cat/cats\nAdj: old"


def tiny(rules: str = TINY, words: str = TINY_WORDS) -> Automaton:
    return compile_rules(read_rules(rules, words, {}, {}))


def encode(tokenizer: Tokenizer, texts: list[str], length: int = 20) -> tuple[Tensor, Tensor]:
    batch = tokenizer.batch(texts, length)
    return batch.tokens, batch.valid


def ambiguity(automaton: Automaton) -> list[str] | None:
    """Returns the first words of a sentence with two derivations, or None if there is none.

    Follows every pair of different paths with the same words. The end can be reached from every node, so such a pair
    makes a sentence with two derivations as soon as both meet in a node, or both may end.
    """
    arcs: list[list[tuple[int, int]]] = [[] for _ in automaton.end]
    for source, label, target in zip(automaton.source, automaton.label, automaton.target, strict=True):
        arcs[source].append((int(label), int(target)))
    possible = automaton.emission > 0

    def shared(one: int, other: int) -> str | None:
        both = possible[one] & possible[other]
        return automaton.words[both.argmax()] if both.any() else None

    words = {(a, b): shared(a, b) for a, b in product(range(len(possible)), repeat=2)}
    found: dict[tuple[int, int], list[str]] = {}
    pairs = [(n, n) for n in range(len(arcs))]
    while pairs:
        one, other = pairs.pop()
        words_so_far = found.get((one, other), [])
        if one != other and automaton.end[one] > 0 and automaton.end[other] > 0:
            return words_so_far
        for i, (label, target) in enumerate(arcs[one]):
            for next_label, next_target in arcs[other] if one != other else arcs[one][i + 1 :]:
                if (same := words[label, next_label]) is None:
                    continue
                pair = (min(target, next_target), max(target, next_target))
                if target == next_target:
                    return [*words_so_far, same]
                if pair not in found:
                    found[pair] = [*words_so_far, same]
                    pairs.append(pair)
    return None
