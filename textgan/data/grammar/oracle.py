"""The grammar as an oracle over the corpus's ids."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from textgan.data.grammar.automaton import Automaton
from textgan.roles import Oracle
from textgan.types import Vocabulary

ROWS = 128
"""Sentences that are scored at once, so that their probabilities stay in a processor's cache."""


class _Tables(NamedTuple):
    """An automaton's arcs as tensors."""

    source: Tensor  # [A]
    label: Tensor  # [A]
    target: Tensor  # [A]
    weight: Tensor  # [A,1]
    emission: Tensor  # [C,I] p(id | class)
    end: Tensor  # [N]

    def to(self, device: torch.device) -> _Tables:
        return _Tables(*(table.to(device) for table in self))


class GrammarOracle(Oracle):
    r"""Scores sentences under a grammar in which a word may slip, so that everything has a finite probability.

    The distribution over finite sequences of ids, with a slip rate of e. At every node of the automaton, the first one
    included, it is first decided whether there is a further word, and where the sentence stands:

    - with probability 1 - e as the grammar has it: stop with the node's probability, else follow one of its arcs;
    - with probability e by the toss of a coin: stop, or go on as if a new sentence began.

    Then, if there is a further word, it is said:

    - with probability 1 - e as the grammar has it, a word of the arc's class;
    - with probability e any of the n ids that can be said: those of the vocabulary without the end and `never`.

    Ids that are no words of the grammar (unknown, special) have a slip's probability, e / n. Each decision is a
    distribution, and a sentence stops with probability 1, so the whole is one: sequences of every length from 0 up sum
    to 1, no length is too long, none is cut off. The probability of a sentence is the sum over all ways to slip through
    the grammar, by the forward algorithm in float64, scaled at each word.

    A row without the end id was cut, and is scored with the probability that a sentence begins with these words. So
    rows of at most T tokens, cut or ended, are a distribution too, and a sum of log-probabilities over tokens counted
    in `valid` is nats per token in either case.

    The grammar's own text has no slips. It is scored below its probability without slips by at most about 2 e nats a
    token (0.00002 with the default e).

    Args:
        automaton: the grammar.
        ids: the corpus's id of each of the automaton's words; None for a word that the corpus does not have.
        vocab: the corpus's vocabulary.
        slip: e, more than 0.
    """

    def __init__(self, automaton: Automaton, ids: list[int | None], vocab: Vocabulary, slip: float) -> None:
        self.vocab, self.slip = vocab, slip
        self.sayable = vocab.size - len({vocab.eos, *vocab.never} - {None})
        length, nats = automaton.expectations()
        self.entropy = nats / (length + 1)
        """Nats per token without slips, the end-of-sequence id counted as a token (as `nll_test` counts): exact."""
        known = [(word, id_) for word, id_ in enumerate(ids) if id_ is not None]
        emission = torch.zeros(len(automaton.emission), vocab.size, dtype=torch.float64)  # [C,I]
        words, columns = torch.tensor(known).T
        emission[:, columns] = torch.from_numpy(automaton.emission)[:, words]
        arrays = (automaton.source, automaton.label, automaton.target, automaton.weight[:, None])
        self._tables = _Tables(*map(torch.from_numpy, arrays), emission, torch.from_numpy(automaton.end))

    @torch.no_grad()
    def log_prob(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """log p of each row, [B], float64; what stands behind the first end id is not read."""
        return self._forward(tokens, valid, self.slip)[0]

    @torch.no_grad()
    def grammatical(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """[B] bool, True where the row is a whole sentence of the grammar without any slip. One without end is none."""
        log_prob, ended = self._forward(tokens, valid, 0.0)
        return ended & log_prob.isfinite()

    def _forward(self, tokens: Tensor, valid: Tensor, slip: float) -> tuple[Tensor, Tensor]:
        """log p and whether there is an end id, each [B]."""
        end = (
            torch.zeros_like(valid) if self.vocab.eos is None else (tokens == self.vocab.eos) & valid
        )  # [B,T]
        ended = end.any(1)  # [B]
        lengths = (valid & (end.cumsum(1) == 0)).sum(1)  # [B] words before the end
        tables = self._tables.to(tokens.device)
        log_prob = torch.empty(len(tokens), dtype=torch.float64, device=tokens.device)
        for rows in lengths.argsort().split(ROWS):  # like lengths together
            log_prob[rows] = _log_prob(tables, tokens[rows], lengths[rows], ended[rows], slip, self.sayable)
        return log_prob, ended


def _log_prob(
    tables: _Tables, tokens: Tensor, lengths: Tensor, ended: Tensor, slip: float, sayable: int
) -> Tensor:
    rows, longest = len(tokens), int(lengths.max())
    emission = (1 - slip) * tables.emission + slip / sayable  # [C,I]
    # All are written over at each step: fresh memory of this size costs several times what the arithmetic does.
    nodes = tables.end.new_zeros(len(tables.end), rows)  # [N,B] sums to 1 over N
    nodes[-1] = 1
    arcs, words = nodes.new_empty(2, len(tables.source), rows)  # [A,B]
    so_far, log_prob = nodes.new_zeros(2, rows)  # [B]
    for t in range(longest + 1):
        stop = (1 - slip) * (tables.end @ nodes) + slip / 2  # [B]
        log_prob = torch.where(lengths == t, so_far + torch.where(ended, stop.log(), 0.0), log_prob)
        if t == longest:
            break
        nodes *= 1 - slip
        nodes[-1] += slip / 2
        torch.index_select(nodes, 0, tables.source, out=arcs)
        torch.index_select(emission[:, tokens[:, t]], 0, tables.label, out=words)
        nodes.zero_().index_add_(0, tables.target, arcs.mul_(words).mul_(tables.weight))
        p = nodes.sum(0)  # [B]
        nodes /= p.clamp_min(torch.finfo(p.dtype).tiny)
        so_far += p.log()
    return log_prob
