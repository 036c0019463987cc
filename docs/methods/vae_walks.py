"""How smooth walks between sentences are: python docs/methods/vae_walks.py RUN, for a run on the built-in grammar.

Between 300 random pairs of test sentences, seven points each: the share of the five between that are grammatical, how
many texts on a walk differ, and how far apart neighbours and ends are (1 minus the share of words that both have).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from itertools import pairwise

import textgan
from textgan.runs.builder import prepare


def apart(one: str, other: str) -> float:
    """Jaccard distance of the sets of words, 0 to 1."""
    ours, theirs = set(one.split()), set(other.split())
    return 1 - len(ours & theirs) / max(1, len(ours | theirs))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


model, chance = textgan.load(sys.argv[1]), random.Random(0)
corpus = prepare(model.recipe)
assert corpus.oracle is not None, "this is about text whose grammar is known"
pairs = [chance.sample(corpus.test.texts, 2) for _ in range(300)]
walks = [model.interpolate(first, last, 7) for first, last in pairs]
between = corpus.tokenizer.batch([text for walk in walks for text in walk[1:-1]], corpus.max_len)
print(f"grammatical between the ends: {corpus.oracle.grammatical(between.tokens, between.valid).double().mean():.3f}")
print(f"different texts on a walk of 7: {mean([len(set(walk)) for walk in walks]):.1f}")
print(f"neighbours apart: {mean([apart(a, b) for walk in walks for a, b in pairwise(walk)]):.2f}")
print(f"ends apart: {mean([apart(walk[0], walk[-1]) for walk in walks]):.2f}")
