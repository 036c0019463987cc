"""The one loop over time: sampling and Monte-Carlo roll-outs for every autoregressive generator.

Nothing here loops over sequences, prefixes or roll-outs. How a word is taken from a row of features is the draw's and
the head's business; they never hold logits [R,V] of many rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from textgan.devices import describe
from textgan.roles import Draw, Head, Rollouts
from textgan.types import Batch, Samples, Vocabulary

ROWS = 100_000
"""Roll-outs that are held at once: bounds their memory, whatever N is."""

State = Any
"""Whatever a decoder remembers: a tensor with the rows first, or a tuple of such."""


class Decoder(Protocol):
    """What the sampler needs of a generator."""

    vocab: Vocabulary

    def start(self, batch: Batch) -> State:
        """The state before anything is read, one row a sequence."""

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Reads S more tokens, ids [R,S] or simplex [R,S,V]. Returns features [R,S,H] and the state after them."""

    @property
    def head(self) -> Head:
        """From features [...,H] to the next token."""


def tree_rows(state: State, rows: Tensor) -> State:
    """Some rows of a state, in that order."""
    if isinstance(state, Tensor):
        return state[rows]
    return tuple(tree_rows(part, rows) for part in state)


def tree_cat(first: State, second: State) -> State:
    """Joins the rows of two states."""
    if isinstance(first, Tensor):
        return torch.cat([first, second])
    return tuple(tree_cat(a, b) for a, b in zip(first, second, strict=True))


def sample(decoder: Decoder, batch: Batch, draw: Draw, state: State | None = None) -> Samples:
    """One sequence for each row of the batch; given tokens are kept, all others drawn. From a state, or from the start.

    As the draw has it, of ids [B,T] or of points of the simplex [B,T,V]; a sequence of those ends behind the first
    whose likeliest word is the end.
    """
    vocab, head, waits = decoder.vocab, decoder.head, describe(batch.tokens.device).waits
    drawn: list[Tensor] = []  # of each position, [B] | [B,V]
    ended = torch.zeros_like(batch.given[:, 0])
    previous = torch.full_like(batch.tokens[:, 0], vocab.bos)
    state = decoder.start(batch) if state is None else state
    for t in range(batch.tokens.shape[1]):
        features, state = decoder.read(previous.unsqueeze(1), state)
        previous = _keep(draw(head, features[:, 0]), batch.given[:, t], batch.tokens[:, t])
        drawn.append(previous)
        ended = ended | (words(previous, 1) == vocab.eos)
        if not waits and bool(ended.all()):
            drawn += [lift(torch.full_like(batch.tokens[:, 0], vocab.pad), previous)] * (batch.valid.shape[1] - t - 1)
            break
    x = torch.stack(drawn, 1)
    made = _ended(words(x, 2), batch.given, vocab)
    return made.with_x(torch.where(_wide(made.valid, x), x, lift(made.x, x))) if x.is_floating_point() else made


def words(x: Tensor, axes: int) -> Tensor:
    """The ids of what stands in x; the likeliest words of points of the simplex, which have more than `axes` axes."""
    return x.argmax(-1) if x.dim() > axes else x


def lift(ids: Tensor, like: Tensor) -> Tensor:
    """Ids as they are, or one-hot where `like` has points of the simplex."""
    return functional.one_hot(ids, like.shape[-1]).to(like.dtype) if like.is_floating_point() else ids


def _keep(drawn: Tensor, given: Tensor, tokens: Tensor) -> Tensor:
    """What is given in the place of what was drawn. drawn: [B] | [B,V]."""
    return torch.where(_wide(given, drawn), lift(tokens, drawn), drawn)


def _wide(flags: Tensor, like: Tensor) -> Tensor:
    """With an axis for the words, where `like` has one."""
    return flags.unsqueeze(-1) if like.dim() > flags.dim() else flags


def rollouts(decoder: Decoder, samples: Samples, count: int, draw: Draw) -> Iterator[Rollouts]:
    """`count` completions of every unfinished proper prefix, about `ROWS` rows at a time.

    All prefixes and roll-outs advance together: at position t those of the prefix of length t join those of the
    shorter ones, with the state of the sample itself, so it takes T sequential steps however many there are.
    Where a look at values costs nothing, rows that have ended are advanced no further.
    """
    rows, length = samples.x.shape
    most = max(1, ROWS // max(1, rows * (length - 1)))
    for done in range(0, count, most):
        yield _rollouts(decoder, samples, min(most, count - done), draw)


def _rollouts(decoder: Decoder, samples: Samples, count: int, draw: Draw) -> Rollouts:
    vocab, head, waits = decoder.vocab, decoder.head, describe(samples.x.device).waits
    x, given = samples.x, samples.valid & ~samples.chosen  # [B,T]
    length, own = x.shape[1], torch.arange(len(x), device=x.device)
    unfinished = [own if waits else own[samples.valid[:, t]] for t in range(1, length)]  # by prefix length t
    source = torch.cat([*(rows.repeat(count) for rows in unfinished), own[:0]])  # [R], shorter prefixes first
    prefix = torch.cat([own[:0], *(torch.full_like(rows.repeat(count), t) for t, rows in enumerate(unfinished, 1))])
    positions = torch.arange(length, device=x.device)
    tokens = torch.where((positions < prefix.unsqueeze(1)) | given[source], x[source], vocab.pad)  # [R,T]

    state = decoder.start(Batch(x, samples.valid, given))  # of the samples, one token further at each t
    _, state = decoder.read(torch.full_like(x[:, :1], vocab.bos), state)
    going, going_state, joined = own[:0], tree_rows(state, own[:0]), 0
    for t, rows in enumerate(unfinished, start=1):
        features, state = decoder.read(x[:, t - 1 : t], state)
        joining = rows.repeat_interleave(count)  # completions of one prefix together: a head may see them alike
        places = joined + torch.arange(len(joining), device=x.device).view(count, len(rows)).t().flatten()
        joined += len(joining)
        features, now = features[joining], tree_rows(state, joining)
        if len(going):
            later, going_state = decoder.read(tokens[going, t - 1 : t], going_state)
            features, now = torch.cat([later, features]), tree_cat(going_state, now)
        going = torch.cat([going, places])
        drawn = draw(head, features[:, 0])
        kept = given[source[going], t]
        tokens[going, t] = torch.where(kept, tokens[going, t], drawn)
        going_state = now
        if not waits and vocab.eos is not None:
            writing = (tokens[going, t] != vocab.eos).nonzero().squeeze(1)
            going, going_state = going[writing], tree_rows(now, writing)
    return Rollouts(source, prefix, _ended(tokens, given[source], vocab))


def _ended(tokens: Tensor, given: Tensor, vocab: Vocabulary) -> Samples:
    """Everything behind the first end-of-sequence id becomes padding."""
    ends = tokens == vocab.eos if vocab.eos is not None else torch.zeros_like(given)
    valid = ends.cumsum(1) - ends.long() == 0
    return Samples(tokens.masked_fill(~valid, vocab.pad), valid, valid & ~given)
