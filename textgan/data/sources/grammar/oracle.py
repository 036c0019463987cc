"""The grammar as an oracle over the corpus's ids."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from textgan.data.sources.grammar.automaton import Automaton
from textgan.data.interfaces import Oracle
from textgan.core.types import Vocabulary

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


class GrammarOracle(Oracle):
    """Scores sentences under a grammar with slips of the tongue, so that every sentence has a probability.

    The distribution is over sequences of ids of every length from 0 up; e is the slip rate. Before each
    word, the first included, it is decided whether there is one:

    - with probability 1 - e as the grammar has it: stop, or follow an arc;
    - with probability e by the toss of a coin: stop, or go on as if a new sentence began.

    Then the word is chosen:

    - with probability 1 - e as the grammar has it, from the arc's class;
    - with probability e uniformly from the n ids that may be drawn: all but the end and `vocab.forbidden_ids`.

    Every decision is a distribution, and with e > 0 a sentence stops in the end, so the probabilities of
    all sequences sum to 1; none is too long, and nothing is truncated. The probability of a sequence is the
    sum over all the ways to slip through the grammar (forward algorithm on the CPU, float64, scaled at each
    word). An id that is no word of the grammar, such as the unknown word, is only ever a slip: e / n,
    wherever it stands.

    A row without the end id was cut off. It scores the probability that a sequence *begins* with these
    words. Ended rows of up to T tokens and cut rows of T tokens are thus a distribution together, and a
    log-probability divided by the number of valid tokens is nats per token for both. Where the vocabulary has no
    end id, every row is a whole sentence.

    The grammar's own text has no slips. That it could have had some costs it about 2 e nats a token,
    0.00002 with the default rate.

    Args:
        automaton: the grammar.
        ids: the corpus's id of each of the automaton's words; None for a word that the corpus does not have.
        vocab: the corpus's vocabulary.
        slip: e, more than 0.
    """

    def __init__(self, automaton: Automaton, ids: list[int | None], vocab: Vocabulary, slip: float) -> None:
        self.vocab, self.slip = vocab, slip
        self.sayable = vocab.size - len({vocab.eos, *vocab.forbidden_ids} - {None})
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
        """log p of each row, [B]. What stands behind the first end id is not read."""
        log_prob, _ = self._forward(tokens.cpu(), valid.cpu(), self.slip)
        return log_prob.to(tokens.device, torch.float32)

    @torch.no_grad()
    def grammatical(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """[B] bool, True where the row is a sentence of the grammar without slips, with its end id."""
        log_prob, ended = self._forward(tokens.cpu(), valid.cpu(), 0.0)
        return (ended & log_prob.isfinite()).to(tokens.device)

    def _forward(self, tokens: Tensor, valid: Tensor, slip: float) -> tuple[Tensor, Tensor]:
        """log p and whether the row is a whole sentence, each [B]."""
        eos = -1 if self.vocab.eos is None else self.vocab.eos
        end = (tokens == eos) & valid  # [B,T]
        ended = end.any(1) | (self.vocab.eos is None)  # [B]
        lengths = (valid & (end.cumsum(1) == 0)).sum(1)  # [B] words before the end
        log_prob = torch.empty(len(tokens), dtype=torch.float64)
        for rows in torch.split(lengths.argsort(), ROWS):  # like lengths together
            log_prob[rows] = self._score(tokens[rows], lengths[rows], ended[rows], slip)
        return log_prob, ended

    def _score(self, tokens: Tensor, lengths: Tensor, ended: Tensor, slip: float) -> Tensor:
        """log p of the first `lengths` ids of each row, and of stopping there if it ended, [B]."""
        rows, longest = len(tokens), max(lengths.tolist(), default=0)
        tables = self._tables
        emission = (1 - slip) * tables.emission + slip / self.sayable  # [C,I]
        # All are written over at each step: fresh memory of this size costs more time than the arithmetic.
        nodes = tables.end.new_zeros(len(tables.end), rows)  # [N,B] sums to 1 over N
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
