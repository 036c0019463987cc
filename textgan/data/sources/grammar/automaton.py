"""Represents a grammar without recursion as a finite automaton, which samples and scores sentences."""

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
    """Holds the nodes and arcs of an automaton.

    A node is a state of a derivation: what remains to be generated. An arc generates a word of one class and leads to
    the next state. There are N nodes, A arcs, C classes and V words. Arcs lead to nodes with lower numbers only; the
    start is the last node.

    Args:
        words: the V words, sorted.
        emission: [C,V], the probability of each word in each class.
        source: [A], the node at which each arc begins; sorted.
        label: [A], the class of each arc's word.
        target: [A], the node to which each arc leads.
        weight: [A], the probability of each arc at its source.
        end: [N], the probability that a sentence ends at a node; with the weights of its arcs it sums to 1.
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
        """The node at which every sentence begins."""
        return len(self.end) - 1

    @cached_property
    def first(self) -> Ints:
        """[N+1], the index of each node's first arc; the arcs of node n are first[n] to first[n + 1] - 1."""
        return np.searchsorted(self.source, np.arange(len(self.end) + 1))

    def lengths(self) -> tuple[int, int]:
        """Computes the minimum and the maximum number of words in a sentence."""
        least, most = np.where(self.end > 0, 0, np.iinfo(np.int64).max), np.zeros(len(self.end), np.int64)
        for node in range(len(self.end)):
            targets = self.target[self.first[node] : self.first[node + 1]]
            if len(targets):
                least[node] = min(least[node], 1 + least[targets].min())
                most[node] = 1 + most[targets].max()
        return int(least[self.start]), int(most[self.start])

    def expectations(self) -> tuple[float, float]:
        """Computes the mean number of words and the entropy in nats; exact if no sentence has two derivations."""
        length, entropy = np.zeros_like(self.end), _surprise(self.end)
        choice = _surprise(self.emission).sum(1)  # [C]
        for node in range(len(self.end)):
            arcs = slice(self.first[node], self.first[node + 1])
            weight, target = self.weight[arcs], self.target[arcs]
            length[node] = weight @ (1 + length[target])
            entropy[node] += _surprise(weight).sum() + weight @ (choice[self.label[arcs]] + entropy[target])
        return float(length[self.start]), float(entropy[self.start])

    def sample(self, count: int, rng: np.random.Generator) -> list[str]:
        """Samples `count` independent sentences, with spaces between words."""
        # Cumulative sums of node n are in (n, n + 1], so one search serves samples from many nodes.
        totals = np.cumsum(self.weight)
        before = np.concatenate([[0.0], totals])[self.first[self.source]]
        arc_totals = self.source + totals - before  # [A]
        within = np.cumsum(self.emission, 1)
        word_totals = (np.arange(len(within))[:, None] + within / within[:, -1:]).ravel()  # [C*V]

        vocabulary = np.array([*self.words, ""], dtype=object)
        nodes, unfinished = np.full(count, self.start), np.arange(count)
        columns = []
        while len(unfinished):
            here = nodes[unfinished]
            arcs = np.searchsorted(arc_totals, here + rng.random(len(here)), side="right")
            ended = (arcs >= self.first[here + 1]) & (self.end[here] > 0)
            unfinished, here, arcs = unfinished[~ended], here[~ended], arcs[~ended]
            arcs = np.minimum(arcs, self.first[here + 1] - 1)  # a node's sum may miss 1 by a rounding error
            column = np.full(count, len(self.words))
            positions = self.label[arcs] + rng.random(len(arcs))
            column[unfinished] = np.searchsorted(word_totals, positions, side="right") % len(self.words)
            columns.append(vocabulary[column])
            nodes[unfinished] = self.target[arcs]
        return [" ".join(filter(None, row)) for row in zip(*(c.tolist() for c in columns), strict=True)]


def _surprise(p: Floats) -> Floats:
    """Computes -p log p, and 0 where p is 0."""
    return -p * np.log(np.where(p > 0, p, 1.0))
