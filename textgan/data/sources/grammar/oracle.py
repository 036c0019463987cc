"""Scores sequences of the corpus's ids under a grammar."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from textgan.core.types import Vocabulary
from textgan.data.interfaces import Oracle
from textgan.data.sources.grammar.automaton import Automaton

ROWS = 128
"""Sentences to score at once, such that their probabilities fit into a processor's cache."""


class _Tables(NamedTuple):
    """Holds an automaton's arcs as tensors."""

    source: Tensor  # [A]
    label: Tensor  # [A]
    target: Tensor  # [A]
    weight: Tensor  # [A,1]
    emission: Tensor  # [C,I] p(id | class)
    end: Tensor  # [N]


class GrammarOracle(Oracle):
    """Scores sequences under a grammar with random mistakes (slips), so that every sequence has a probability.

    The distribution is over sequences of ids of every length from 0 up; e is the slip rate. Before each word, the first
    included, the sequence either ends or continues:

    - with probability 1 - e as in the grammar: end, or follow an arc;
    - with probability e / 2 each: end, or continue as at the start of a sentence.

    Then the word is chosen:

    - with probability 1 - e as in the grammar, from the arc's class;
    - with probability e uniformly from the n ids that may be generated: all but the end and `vocab.forbidden_ids`.

    For e > 0 a sequence ends with probability 1, so the probabilities of all sequences sum to 1; no length is excluded,
    and nothing is truncated. The probability of a sequence is the sum over all paths through the grammar, slips
    included (forward algorithm on the CPU, in float64, rescaled at each word). An id that is not a word of the grammar,
    such as the unknown word, can only be a slip: e / n at any position.

    A row without the end id was truncated. Its score is the probability that a sequence *begins* with these words.
    Ended rows of up to T tokens and truncated rows of T tokens thus form one distribution, and the log-probability
    divided by the number of valid tokens is nats per token for both. If the vocabulary has no end id, every row is a
    whole sentence.

    The grammar's own text has no slips. Allowing for them costs it about 2 e nats per token, 0.00002 at the default
    rate.

    Args:
        automaton: the grammar.
        ids: the corpus's id of each word of the automaton; None for a word that is not in the corpus.
        vocab: the corpus's vocabulary.
        slip: e, more than 0.
    """

    def __init__(self, automaton: Automaton, ids: list[int | None], vocab: Vocabulary, slip: float) -> None:
        self.vocab, self.slip = vocab, slip
        self.generable = vocab.size - len({vocab.eos, *vocab.forbidden_ids} - {None})
        length, nats = automaton.expectations()
        self.entropy = nats / (length + (vocab.eos is not None))
        """Nats per token without slips, exact; the end id counts as a token, as it does in `nll_test`."""
        known = [(word, id_) for word, id_ in enumerate(ids) if id_ is not None]
        emission = torch.zeros(len(automaton.emission), vocab.size, dtype=torch.float64)  # [C,I]
        words, columns = torch.tensor(known, dtype=torch.long).reshape(-1, 2).T
        emission.index_add_(1, columns, torch.from_numpy(automaton.emission)[:, words])
        arrays = (automaton.source, automaton.label, automaton.target, automaton.weight[:, None])
        self._tables = _Tables._make([*map(torch.from_numpy, arrays), emission, torch.from_numpy(automaton.end)])

    @torch.no_grad()
    def log_prob(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Computes log p of each row of [B,T], [B]. Tokens after the first end id are ignored."""
        log_prob, _ = self._forward(tokens.cpu(), valid.cpu(), self.slip)
        return log_prob.to(tokens.device, torch.float32)

    @torch.no_grad()
    def grammatical(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """Returns [B] bool, True where the row is a sentence of the grammar without slips and has its end id."""
        log_prob, ended = self._forward(tokens.cpu(), valid.cpu(), 0.0)
        return (ended & log_prob.isfinite()).to(tokens.device)

    def _forward(self, tokens: Tensor, valid: Tensor, slip: float) -> tuple[Tensor, Tensor]:
        """Computes log p and whether the row is a whole sentence, each [B]."""
        eos = -1 if self.vocab.eos is None else self.vocab.eos
        end = (tokens == eos) & valid  # [B,T]
        ended = end.any(1) | (self.vocab.eos is None)  # [B]
        lengths = (valid & (end.cumsum(1) == 0)).sum(1)  # [B], number of words before the end
        log_prob = torch.empty(len(tokens), dtype=torch.float64)
        for rows in torch.split(lengths.argsort(), ROWS):  # similar lengths together
            log_prob[rows] = self._score(tokens[rows], lengths[rows], ended[rows], slip)
        return log_prob, ended

    def _score(self, tokens: Tensor, lengths: Tensor, ended: Tensor, slip: float) -> Tensor:
        """Computes log p of the first `lengths` ids of each row, and of ending there if the row ended, [B]."""
        rows, longest = len(tokens), max(lengths.tolist(), default=0)
        tables = self._tables
        emission = (1 - slip) * tables.emission + slip / self.generable  # [C,I]
        # Buffers are reused at each position: allocating memory of this size takes longer than the arithmetic.
        nodes = tables.end.new_zeros(len(tables.end), rows)  # [N,B], sums to 1 over N
        nodes[-1] = 1
        arcs, words = nodes.new_empty(2, len(tables.source), rows)  # [A,B]
        so_far = nodes.new_zeros(rows)  # [B]
        log_prob = nodes.new_zeros(rows)  # [B]
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
