"""Beam search: searches for the most likely sequence instead of sampling one."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor

from textgan.core.options import NonNegativeFloat, PositiveInt
from textgan.core.roles import Decoding, Generator
from textgan.core.types import Batch, Samples
from textgan.generation.sampling import Decoder, tree_rows
from textgan.ops.device import describe


class Beam(Decoding):
    """Keeps the most likely prefixes (beams) at each position and returns the most likely sequence that it finds.

    Beam search is deterministic: rows with equal prompts are completed equally, and all rows without a prompt become
    one sentence. Use it for prompts and blanks, or to inspect a model's mode; use `ancestral` for sets of samples. The
    most likely sequence is often short and repetitive (Holtzman et al. 2020, arXiv:1904.09751).

    Args:
        width: number of beams; 1 is greedy decoding.
        length_penalty: log-probabilities are divided by length to the power of this number before they are compared,
            both of ended and of unfinished sequences. 0 compares sums, which favours short sequences; 1 compares means
            per token.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"incremental"})

    def __init__(self, width: PositiveInt = 5, length_penalty: NonNegativeFloat = 0.0) -> None:
        self.width, self.length_penalty = width, length_penalty

    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        decoder = cast(Decoder, generator)
        (count, length), width, vocab = batch.tokens.shape, self.width, decoder.vocab
        device = batch.tokens.device
        first = torch.arange(count, device=device).unsqueeze(1) * width  # [B,1], index of each row's first beam
        state = tree_rows(decoder.start(batch), torch.arange(count, device=device).repeat_interleave(width))
        tokens = torch.full((count, width, length), vocab.pad, device=device)
        total = torch.full((count, width), -torch.inf, device=device)  # log-probability of each beam
        total[:, 0] = 0.0  # all beams are equal at first, so only one of them may be extended
        size = torch.zeros(count, width, dtype=torch.long, device=device)  # length of each beam
        ended = torch.zeros(count, width, dtype=torch.bool, device=device)
        previous = torch.full((count * width,), vocab.bos, device=device)
        for t in range(length):
            features, state = decoder.read(previous.unsqueeze(1), state)
            given = batch.given[:, t].repeat_interleave(width)
            gain, ids = self._candidates(decoder, features[:, 0], given, batch.tokens[:, t].repeat_interleave(width))
            gain, ids = gain.view(count, width, -1), ids.view(count, width, -1)  # [B,width,C]
            is_first = torch.arange(gain.shape[2], device=device) == 0  # an ended beam's one candidate: no new token
            gain = torch.where(ended.unsqueeze(2), torch.where(is_first, 0.0, -torch.inf), gain)
            ids = ids.masked_fill(ended.unsqueeze(2), vocab.pad)
            totals = total.unsqueeze(2) + gain
            sizes = (size + ~ended).unsqueeze(2)  # [B,width,1]
            best = (totals / sizes**self.length_penalty).flatten(1).topk(width).indices  # [B,width], best first
            parent, total = best // gain.shape[2], totals.flatten(1).gather(1, best)
            previous = ids.flatten(1).gather(1, best)
            tokens = tokens.gather(1, parent.unsqueeze(2).expand(-1, -1, length))
            tokens[:, :, t] = previous
            size = sizes.squeeze(2).gather(1, parent)
            ended = ended.gather(1, parent) | (previous == vocab.eos)
            state, previous = tree_rows(state, (first + parent).flatten()), previous.flatten()
            if not describe(device).is_async and bool(ended.all()):
                break
        valid = torch.arange(length, device=device) < size[:, :1]
        return Samples(tokens[:, 0], valid, valid & ~batch.given)

    def _candidates(self, decoder: Decoder, features: Tensor, given: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the log-probabilities and ids of the C = min(width, V) most likely tokens of each row, [R,C] both.

        A given token is the only candidate of its row: the others have log-probability -inf. No beam can use more than
        C candidates, so logits are computed in chunks of rows and discarded.

        Args:
            decoder: the generator.
            features: [R,H].
            given: [R] bool, whether the row's token is given.
            tokens: [R], the given tokens.
        """
        rows = max(1, describe(features.device).max_logits // decoder.vocab.size)
        gains, ids = [], []
        for chunk, is_given, token in zip(features.split(rows), given.split(rows), tokens.split(rows), strict=True):
            log_prob = decoder.head(chunk).log_softmax(1)  # [r,V]
            gain, likely = log_prob.topk(min(self.width, log_prob.shape[1]))
            only = torch.full_like(gain, -torch.inf)
            only[:, 0] = log_prob.gather(1, token.unsqueeze(1)).squeeze(1)
            gains.append(torch.where(is_given.unsqueeze(1), only, gain))
            ids.append(torch.where(is_given.unsqueeze(1), token.unsqueeze(1), likely))
        return torch.cat(gains), torch.cat(ids)
