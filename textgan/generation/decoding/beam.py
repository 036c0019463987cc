"""Beam search: looking for the likeliest sequence instead of drawing one."""

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
    """Keeps the likeliest beginnings at each position and writes the likeliest sequence that it finds.

    A search has no chance in it: rows with the same prompt come out the same, and rows without any are one sentence
    over and over. So it is for prompts and blanks, or to see a model's mode; sets of samples need `ancestral`. The
    likeliest sequence is often a short and dull one (Holtzman et al. 2020, arXiv:1904.09751).

    Args:
        width: beginnings that are kept; 1 is greedy.
        length_penalty: log-probabilities are divided by length to this power before they are compared, ended sequences
            with others: 0 is the plain sum, which favours short ones, 1 the mean of a token.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"incremental"})

    def __init__(self, width: PositiveInt = 5, length_penalty: NonNegativeFloat = 0.0) -> None:
        self.width, self.length_penalty = width, length_penalty

    def __call__(self, generator: Generator, batch: Batch) -> Samples:
        decoder = cast(Decoder, generator)
        (count, length), width, vocab = batch.tokens.shape, self.width, decoder.vocab
        device = batch.tokens.device
        first = torch.arange(count, device=device).unsqueeze(1) * width  # [B,1], where a row's beams begin
        state = tree_rows(decoder.start(batch), torch.arange(count, device=device).repeat_interleave(width))
        tokens = torch.full((count, width, length), vocab.pad, device=device)
        total = torch.full((count, width), -torch.inf, device=device)  # log-probability of each beginning
        total[:, 0] = 0.0  # they begin alike, so only one of them may
        size = torch.zeros(count, width, dtype=torch.long, device=device)  # its length
        ended = torch.zeros(count, width, dtype=torch.bool, device=device)
        previous = torch.full((count * width,), vocab.bos, device=device)
        for t in range(length):
            features, state = decoder.read(previous.unsqueeze(1), state)
            given = batch.given[:, t].repeat_interleave(width)
            gain, words = self._best(decoder, features[:, 0], given, batch.tokens[:, t].repeat_interleave(width))
            gain, words = gain.view(count, width, -1), words.view(count, width, -1)  # [B,width,C]
            stays = torch.arange(gain.shape[2], device=device) == 0  # one candidate: to remain as it is
            gain = torch.where(ended.unsqueeze(2), torch.where(stays, 0.0, -torch.inf), gain)
            words = words.masked_fill(ended.unsqueeze(2), vocab.pad)
            reached = total.unsqueeze(2) + gain
            sizes = (size + ~ended).unsqueeze(2)  # [B,width,1]
            best = (reached / sizes**self.length_penalty).flatten(1).topk(width).indices  # [B,width], best first
            parent, total, word = best // gain.shape[2], reached.flatten(1).gather(1, best), words.flatten(1)
            previous = word.gather(1, best)
            tokens = tokens.gather(1, parent.unsqueeze(2).expand(-1, -1, length))
            tokens[:, :, t] = previous
            size = sizes.squeeze(2).gather(1, parent)
            ended = ended.gather(1, parent) | (previous == vocab.eos)
            state, previous = tree_rows(state, (first + parent).flatten()), previous.flatten()
            if not describe(device).is_async and bool(ended.all()):
                break
        valid = torch.arange(length, device=device) < size[:, :1]
        return Samples(tokens[:, 0], valid, valid & ~batch.given)

    def _best(self, decoder: Decoder, features: Tensor, given: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """For each row of features [R,H] its C likeliest words and their log-probabilities, [R,C] both.

        Where a token is given it is the only one. No more can be used, so logits are held a cache-full at a time.
        """
        rows = max(1, describe(features.device).max_logits // decoder.vocab.size)
        gains, words = [], []
        for piece, fixed, token in zip(features.split(rows), given.split(rows), tokens.split(rows), strict=True):
            log_prob = decoder.head(piece).log_softmax(1)  # [r,V]
            gain, word = log_prob.topk(min(self.width, log_prob.shape[1]))
            only = torch.full_like(gain, -torch.inf)
            only[:, 0] = log_prob.gather(1, token.unsqueeze(1)).squeeze(1)
            gains.append(torch.where(fixed.unsqueeze(1), only, gain))
            words.append(torch.where(fixed.unsqueeze(1), token.unsqueeze(1), word))
        return torch.cat(gains), torch.cat(words)
