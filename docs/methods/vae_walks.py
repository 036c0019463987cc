"""Measures how smooth interpolations between sentences are.

    python docs/methods/vae_walks.py RUN

RUN is a run on the built-in grammar. Takes seven points between each of 300 random pairs of test sentences. Prints the
share of the five inner texts that are grammatical, the number of distinct texts, and the distance of neighbours and of
ends (1 minus the share of words in common).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from itertools import pairwise

import textgan
from textgan.runs.builder import prepare


def distance(one: str, other: str) -> float:
    """Computes the Jaccard distance of the sets of words, 0 to 1."""
    first, second = set(one.split()), set(other.split())
    return 1 - len(first & second) / max(1, len(first | second))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


model, rng = textgan.load(sys.argv[1]), random.Random(0)
corpus = prepare(model.recipe)
assert corpus.oracle is not None, "the data must have a known grammar"
pairs = [rng.sample(corpus.test.texts, 2) for _ in range(300)]
walks = [model.interpolate(first, last, 7) for first, last in pairs]
between = corpus.tokenizer.batch([text for walk in walks for text in walk[1:-1]], corpus.max_len)
print(f"grammatical between the ends: {corpus.oracle.grammatical(between.tokens, between.valid).double().mean():.3f}")
print(f"distinct texts of 7: {mean([len(set(walk)) for walk in walks]):.1f}")
print(f"distance of neighbours: {mean([distance(a, b) for walk in walks for a, b in pairwise(walk)]):.2f}")
print(f"distance of ends: {mean([distance(walk[0], walk[-1]) for walk in walks]):.2f}")
