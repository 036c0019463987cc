"""Samples sequences and Monte-Carlo roll-outs from every autoregressive generator, in one loop over time.

There is no Python loop over sequences, prefixes or roll-outs. Token samplers and heads sample a token from each row of
features, in chunks, so logits [R,V] of many rows are never in memory at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from textgan.core.roles import Head, Rollouts, TokenSampler
from textgan.core.types import Batch, Samples, Vocabulary
from textgan.ops.device import describe

ROWS = 100_000
"""Roll-outs to hold at once: bounds their memory for any number of roll-outs."""

State = Any
"""A decoder's state: a tensor with the rows first, or a (nested) tuple of such tensors."""


class Decoder(Protocol):
    """What the sampler needs from a generator."""

    vocab: Vocabulary

    def start(self, batch: Batch) -> State:
        """Returns the state before anything is read, one row per sequence."""

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Reads S more tokens, ids [R,S] or simplex [R,S,V]; returns features [R,S,H] and the state after them."""

    @property
    def head(self) -> Head:
        """Maps features [...,H] to the next token."""


def tree_rows(state: State, rows: Tensor) -> State:
    """Selects rows of a state, in that order."""
    if isinstance(state, Tensor):
        return state[rows]
    return tuple(tree_rows(part, rows) for part in state)


def tree_cat(first: State, second: State) -> State:
    """Joins the rows of two states."""
    if isinstance(first, Tensor):
        return torch.cat([first, second])
    return tuple(tree_cat(a, b) for a, b in zip(first, second, strict=True))


class TokenCounter:
    """Counts the tokens that generators sample while it is entered; the count stays on the device.

    The sampler below counts by itself. A generator with a sampler of its own calls `count_tokens`.
    """

    def __init__(self) -> None:
        self.total: Tensor | int = 0

    def __enter__(self) -> TokenCounter:
        _counters.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _counters.remove(self)


_counters: list[TokenCounter] = []


def count_tokens(chosen: Tensor) -> None:
    """Adds the tokens that a generator has just sampled, [R,T] bool, to all entered counters."""
    for counter in _counters:
        counter.total = counter.total + chosen.sum()


def sample(decoder: Decoder, batch: Batch, token_sampler: TokenSampler, state: State | None = None) -> Samples:
    """Samples one sequence for each row of the batch and keeps the given tokens.

    Args:
        decoder: the generator.
        batch: [B,T], the number of sequences, their maximum length and the given tokens.
        token_sampler: samples each token; its output decides the kind of samples.
        state: the decoder's initial state; `decoder.start(batch)` by default.

    Returns:
        Ids [B,T] or points of the simplex [B,T,V], whichever the token sampler returns. A sequence of points ends with
        the first point whose largest coordinate is the end-of-sequence id.
    """
    vocab, head, is_async = decoder.vocab, decoder.head, describe(batch.tokens.device).is_async
    sampled: list[Tensor] = []  # of each position, [B] | [B,V]
    ended = torch.zeros_like(batch.given[:, 0])
    previous = torch.full_like(batch.tokens[:, 0], vocab.bos)
    state = decoder.start(batch) if state is None else state
    for t in range(batch.tokens.shape[1]):
        features, state = decoder.read(previous.unsqueeze(1), state)
        previous = _keep_given(token_sampler(head, features[:, 0]), batch.given[:, t], batch.tokens[:, t])
        sampled.append(previous)
        ended = ended | (to_ids(previous, 1) == vocab.eos)
        if not is_async and bool(ended.all()):
            padding = lift(torch.full_like(batch.tokens[:, 0], vocab.pad), previous)
            sampled += [padding] * (batch.valid.shape[1] - t - 1)
            break
    x = torch.stack(sampled, 1)
    found = _cut_at_end(to_ids(x, 2), batch.given, vocab)
    count_tokens(found.chosen)
    return found.with_x(torch.where(_widen(found.valid, x), x, lift(found.x, x))) if x.is_floating_point() else found


def to_ids(x: Tensor, axes: int) -> Tensor:
    """Returns ids as they are, and the largest coordinates of points of the simplex, which have one more axis."""
    return x.argmax(-1) if x.dim() > axes else x


def lift(ids: Tensor, like: Tensor) -> Tensor:
    """Returns ids as they are, or one-hot if `like` has points of the simplex."""
    return functional.one_hot(ids, like.shape[-1]).to(like.dtype) if like.is_floating_point() else ids


def _keep_given(sampled: Tensor, given: Tensor, tokens: Tensor) -> Tensor:
    """Replaces sampled tokens [B] | [B,V] by given ones."""
    return torch.where(_widen(given, sampled), lift(tokens, sampled), sampled)


def _widen(flags: Tensor, like: Tensor) -> Tensor:
    """Adds an axis for the vocabulary if `like` has one."""
    return flags.unsqueeze(-1) if like.dim() > flags.dim() else flags


def rollouts(decoder: Decoder, samples: Samples, count: int, token_sampler: TokenSampler) -> Iterator[Rollouts]:
    """Yields `count` completions of every unfinished proper prefix, about `ROWS` rows at a time.

    All prefixes and roll-outs advance together. At position t, the roll-outs of the prefix of length t join those of
    shorter prefixes, with the state of the sample itself. So the number of sequential steps is T, for any number of
    roll-outs. On a device where reading values is cheap, rows that have ended are dropped.

    Args:
        decoder: the generator.
        samples: [B,T], ids.
        count: roll-outs of each prefix.
        token_sampler: samples each token.
    """
    rows, length = samples.x.shape
    most = max(1, ROWS // max(1, rows * (length - 1)))
    for done in range(0, count, most):
        yield _rollouts(decoder, samples, min(most, count - done), token_sampler)


def _rollouts(decoder: Decoder, samples: Samples, count: int, token_sampler: TokenSampler) -> Rollouts:
    vocab, head, is_async = decoder.vocab, decoder.head, describe(samples.x.device).is_async
    x, given = samples.x, samples.valid & ~samples.chosen  # [B,T]
    length, all_rows = x.shape[1], torch.arange(len(x), device=x.device)
    unfinished = [all_rows if is_async else all_rows[samples.valid[:, t]] for t in range(1, length)]  # by prefix length
    source = torch.cat([*(rows.repeat(count) for rows in unfinished), all_rows[:0]])  # [R], shorter prefixes first
    lengths = (torch.full_like(rows.repeat(count), t) for t, rows in enumerate(unfinished, 1))
    prefix = torch.cat([all_rows[:0], *lengths])
    positions = torch.arange(length, device=x.device)
    tokens = torch.where((positions < prefix.unsqueeze(1)) | given[source], x[source], vocab.pad)  # [R,T]

    state = decoder.start(Batch(x, samples.valid, given))  # of the samples; advances by one token at each t
    _, state = decoder.read(torch.full_like(x[:, :1], vocab.bos), state)
    active, active_state, joined = all_rows[:0], tree_rows(state, all_rows[:0]), 0
    for t, rows in enumerate(unfinished, start=1):
        features, state = decoder.read(x[:, t - 1 : t], state)
        joining = rows.repeat_interleave(count)  # completions of one prefix together, so that a head can reuse rows
        places = joined + torch.arange(len(joining), device=x.device).view(count, len(rows)).t().flatten()
        joined += len(joining)
        features, now = features[joining], tree_rows(state, joining)
        if len(active):
            later, active_state = decoder.read(tokens[active, t - 1 : t], active_state)
            features, now = torch.cat([later, features]), tree_cat(active_state, now)
        active = torch.cat([active, places])
        sampled = token_sampler(head, features[:, 0])
        kept = given[source[active], t]
        tokens[active, t] = torch.where(kept, tokens[active, t], sampled)
        active_state = now
        if not is_async and vocab.eos is not None:
            unended = (tokens[active, t] != vocab.eos).nonzero().squeeze(1)
            active, active_state = active[unended], tree_rows(now, unended)
    completed = _cut_at_end(tokens, given[source], vocab)
    count_tokens(completed.chosen & (positions >= prefix.unsqueeze(1)))
    return Rollouts(source, prefix, completed)


def _cut_at_end(tokens: Tensor, given: Tensor, vocab: Vocabulary) -> Samples:
    """Turns everything after the first end-of-sequence id into padding."""
    ends = tokens == vocab.eos if vocab.eos is not None else torch.zeros_like(given)
    valid = ends.cumsum(1) - ends.long() == 0
    return Samples(tokens.masked_fill(~valid, vocab.pad), valid, valid & ~given)
