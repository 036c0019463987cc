"""A grammar without recursion as a finite automaton: what sentences are drawn from and scored with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Automaton:
    """A node is what remains to be said; an arc says a word of one class and leads to what remains then.

    N nodes, A arcs, C classes, V words. Arcs lead to nodes of lower numbers only; the start is the last node.

    Args:
        words: the vocabulary, sorted.
        emission: [C,V] the probability of each word in each class.
        source, label, target: [A] an arc's nodes and its class; sorted by source.
        weight: [A] its probability, given its source.
        end: [N] the probability that the sentence ends at a node; with its arcs' weights, 1.
    """

    words: tuple[str, ...]
    emission: Floats
    source: Ints
    label: Ints
    target: Ints
    weight: Floats
    end: Floats

    @property
    def start(self) -> int:
        return len(self.end) - 1

    @cached_property
    def first(self) -> Ints:
        """[N+1] where each node's arcs begin; those of node n are first[n] to first[n + 1]."""
        return np.searchsorted(self.source, np.arange(len(self.end) + 1))

    def lengths(self) -> tuple[int, int]:
        """The fewest and the most words that a sentence has."""
        least, most = np.where(self.end > 0, 0, np.iinfo(np.int64).max), np.zeros(len(self.end), np.int64)
        for node in range(len(self.end)):
            targets = self.target[self.first[node] : self.first[node + 1]]
            if len(targets):
                least[node] = min(least[node], 1 + least[targets].min())
                most[node] = 1 + most[targets].max()
        return int(least[self.start]), int(most[self.start])

    def expectations(self) -> tuple[float, float]:
        """Mean number of words and entropy in nats of a sentence; exact where none has two derivations."""
        length, entropy = np.zeros_like(self.end), _surprise(self.end)
        choice = _surprise(self.emission).sum(1)  # [C]
        for node in range(len(self.end)):
            arcs = slice(self.first[node], self.first[node + 1])
            weight, target = self.weight[arcs], self.target[arcs]
            length[node] = weight @ (1 + length[target])
            entropy[node] += _surprise(weight).sum() + weight @ (choice[self.label[arcs]] + entropy[target])
        return float(length[self.start]), float(entropy[self.start])

    def sample(self, count: int, rng: np.random.Generator) -> list[str]:
        """`count` independent sentences, their words separated by spaces."""
        # Totals within a node lie in (node, node + 1], so that one search serves draws from many nodes.
        totals = np.cumsum(self.weight)
        before = np.concatenate([[0.0], totals])[self.first[self.source]]
        arc_totals = self.source + totals - before  # [A]
        within = np.cumsum(self.emission, 1)
        word_totals = (np.arange(len(within))[:, None] + within / within[:, -1:]).ravel()  # [C*V]

        vocabulary = np.array([*self.words, ""], dtype=object)
        nodes, going = np.full(count, self.start), np.arange(count)
        columns = []
        while len(going):
            here = nodes[going]
            arcs = np.searchsorted(arc_totals, here + rng.random(len(here)), side="right")
            ended = (arcs >= self.first[here + 1]) & (self.end[here] > 0)
            going, here, arcs = going[~ended], here[~ended], arcs[~ended]
            arcs = np.minimum(arcs, self.first[here + 1] - 1)  # a node's totals may miss 1 by a rounding error
            column = np.full(count, len(self.words))
            draws = self.label[arcs] + rng.random(len(arcs))
            column[going] = np.searchsorted(word_totals, draws, side="right") % len(self.words)
            columns.append(vocabulary[column])
            nodes[going] = self.target[arcs]
        return [" ".join(filter(None, row)) for row in zip(*(c.tolist() for c in columns), strict=True)]


def _surprise(p: Floats) -> Floats:
    """-p log p, 0 where p is 0."""
    return -p * np.log(np.where(p > 0, p, 1.0))
