"""Defines the base class of autoregressive generators, and their log-likelihood. A subclass defines three methods."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.roles import Generator, Head, Rollouts, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Space, Vocabulary
from textgan.generation import sampling
from textgan.generation.token_samplers import categorical
from textgan.ops.device import describe
from textgan.ops.masked import masked_mean


class Autoregressive(Generator):
    """Base class of token models pi(y) = prod_t pi(y_t | y_<t). Subclasses implement `start`, `read` and `head`."""

    sample_space: ClassVar[Mapping[str, Space]] = {"score": "ids", "path": "simplex"}
    capabilities: ClassVar[frozenset[str]] = frozenset({"log_prob", "rollouts", "relaxed", "incremental", "inputs"})
    vocab: Vocabulary

    @abstractmethod
    def start(self, batch: Batch) -> sampling.State:
        """Returns the state before anything is read, rows first."""

    @abstractmethod
    def read(self, inputs: Tensor, state: sampling.State) -> tuple[Tensor, sampling.State]:
        """Reads ids [R,S] or simplex [R,S,V] -> features [R,S,H] and the state after them."""

    @property
    @abstractmethod
    def head(self) -> Head:
        """Maps features to tokens: usually `LinearHead(weight, bias)`, created anew at each call."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        return sampling.sample(self, batch, token_sampler or categorical)

    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        return sampling.rollouts(self, samples, count, categorical)

    def decode(self, samples: Samples) -> Samples:
        return samples.with_x(sampling.to_ids(samples.x, 2))

    def features(self, batch: Batch, inputs: Tensor | None = None) -> Tensor:
        """Computes the features that predict each position, [B,T,H], from the tokens (or `inputs` [B,T]) before it."""
        inputs = batch.tokens if inputs is None else inputs
        start = torch.full_like(inputs[:, :1], self.vocab.bos)
        return self.read(torch.cat([start, inputs[:, :-1]], 1), self.start(batch))[0]

    def log_prob(self, samples: Samples) -> Tensor:
        return self._log_prob(Batch(samples.x, samples.valid, samples.valid & ~samples.chosen))

    def likelihood(self, batch: Batch) -> Loss:
        """Computes the negative log-likelihood in nats per token that is not given; padding is not counted."""
        return self.likelihood_with_inputs(batch, batch.tokens)

    def likelihood_with_inputs(self, batch: Batch, inputs: Tensor) -> Loss:
        chosen = batch.valid & ~batch.given
        value = -masked_mean(self._log_prob(batch, inputs), chosen)
        return Loss(value, {"nll_train": value.detach()})

    def _log_prob(self, batch: Batch, inputs: Tensor | None = None) -> Tensor:
        return token_log_prob(self.head, self.features(batch, inputs), batch)


def token_log_prob(head: Head, features: Tensor, batch: Batch) -> Tensor:
    """Computes log p of each token given the features [B,T,H] of its position, [B,T], 0 where not valid.

    On a device where reading values is cheap, padding is not projected to the vocabulary.

    Args:
        head: maps features to tokens.
        features: [B,T,H].
        batch: [B,T].
    """
    tokens, valid = batch.tokens, batch.valid
    if describe(tokens.device).is_async:
        return -head.nll(features.flatten(0, 1), tokens.flatten()).view_as(valid) * valid
    positions = valid.flatten().nonzero()[:, 0]  # computed once: a boolean index would recompute it at each use
    nll = head.nll(features.flatten(0, 1).index_select(0, positions), tokens.flatten().index_select(0, positions))
    return features.new_zeros(valid.numel()).index_copy(0, positions, -nll).view_as(valid)


class Tempered(Autoregressive):
    """Changes the temperature of an autoregressive generator, of its samples and of its likelihoods alike.

    Args:
        inner: a generator with the capability "incremental".
        temperature: logits are divided by it, above 0.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"log_prob", "rollouts", "incremental"})

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
