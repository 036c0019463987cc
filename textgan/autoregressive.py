"""The base of every generator that writes from left to right. A subclass says how to start, read and project."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from textgan import sampling
from textgan.devices import describe
from textgan.draws import categorical
from textgan.roles import Draw, Generator, Head, Rollouts
from textgan.types import Batch, Loss, Samples, Space, Vocabulary


class Autoregressive(Generator):
    """A token model: pi(y) = prod_t pi(y_t | y_<t). Implement `start`, `read` and `head`; the rest follows."""

    makes: ClassVar[Mapping[str, Space]] = {"score": "ids", "path": "simplex"}
    offers: ClassVar[frozenset[str]] = frozenset({"log_prob", "rollouts", "relaxed", "steps", "inputs"})
    vocab: Vocabulary

    @abstractmethod
    def start(self, batch: Batch) -> sampling.State:
        """The state before anything is read, rows first."""

    @abstractmethod
    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        """Reads ids [R,S] or simplex [R,S,V] -> features [R,S,H] and the state after them."""

    @property
    @abstractmethod
    def head(self) -> Head:
        """From features to words: usually `LinearHead(weight, bias)`, made anew at each call."""

    def sample(self, batch: Batch, draw: Draw | None = None) -> Samples:
        return sampling.sample(self, batch, draw or categorical)

    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        return sampling.rollouts(self, samples, count, categorical)

    def decode(self, samples: Samples) -> Samples:
        return samples.with_x(sampling.words(samples.x, 2))

    def features(self, batch: Batch, inputs: Tensor | None = None) -> Tensor:
        """What each position is predicted from: the tokens before it, or those of inputs [B,T], [B,T,H]."""
        inputs = batch.tokens if inputs is None else inputs
        start = torch.full_like(inputs[:, :1], self.vocab.bos)
        return self.read(torch.cat([start, inputs[:, :-1]], 1), self.start(batch))[0]

    def log_prob(self, samples: Samples) -> Tensor:
        return self._log_prob(Batch(samples.x, samples.valid, samples.valid & ~samples.chosen))

    def likelihood(self, batch: Batch) -> Loss:
        """Negative log-likelihood in nats per token that is not given; padding is not counted."""
        return self.likelihood_behind(batch, batch.tokens)

    def likelihood_behind(self, batch: Batch, inputs: Tensor) -> Loss:
        chosen = batch.valid & ~batch.given
        value = -(self._log_prob(batch, inputs) * chosen).sum() / chosen.sum().clamp_min(1)
        return Loss(value, {"nll_train": value.detach()})

    def _log_prob(self, batch: Batch, inputs: Tensor | None = None) -> Tensor:
        return token_log_prob(self.head, self.features(batch, inputs), batch)


def token_log_prob(head: Head, features: Tensor, batch: Batch) -> Tensor:
    """log p of each token under what its position's features [B,T,H] say of it, [B,T], 0 where not valid.

    Where a look at values costs nothing, padding is never projected to the vocabulary.
    """
    tokens, valid = batch.tokens, batch.valid
    if describe(tokens.device).waits:
        return -head.nll(features.flatten(0, 1), tokens.flatten()).view_as(valid) * valid
    places = valid.flatten().nonzero()[:, 0]  # found once: a boolean index would look for them each time
    nll = head.nll(features.flatten(0, 1).index_select(0, places), tokens.flatten().index_select(0, places))
    return features.new_zeros(valid.numel()).index_copy(0, places, -nll).view_as(valid)


class Tempered(Autoregressive):
    """A left-to-right generator at another temperature: what it writes and what it calls likely are of one law.

    Args:
        inner: a generator that offers "steps".
        temperature: logits are divided by it, above 0.
    """

    offers: ClassVar[frozenset[str]] = frozenset({"log_prob", "rollouts", "steps"})

    def __init__(self, inner: sampling.Decoder, temperature: float) -> None:
        super().__init__()
        self.inner, self.vocab, self.temperature = inner, inner.vocab, temperature

    def start(self, batch: Batch) -> sampling.State:
        return self.inner.start(batch)

    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        return self.inner.read(inputs, state)

    @property
    def head(self) -> Head:
        return self.inner.head.tempered(self.temperature)
