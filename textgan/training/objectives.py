"""Objectives: likelihood, scheduled sampling, the adversarial reward, and the discriminator's loss."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

import torch
from torch import Tensor

from textgan.core.options import Fraction, PositiveInt
from textgan.core.roles import AdversarialLoss, Discriminator, Estimator, Generator, Objective, Reward
from textgan.core.types import Batch, Loss, Samples, Vocabulary


def extend(first: Batch, batches: Iterator[Batch], count: int | None) -> Batch:
    """Joins a batch with the next ones to `count` sequences.

    Args:
        first: a batch that was already read.
        batches: those that follow it; read as far as necessary.
        count: how many sequences to return; None returns `first` alone.
    """
    if count is None:
        return first
    more = islice(batches, max(0, -(-count // len(first)) - 1))
    return Batch.cat([first, *more])[:count]


class Likelihood(Objective):
    """Trains the generator by its likelihood of real text. One step per turn, on one batch."""

    updates: ClassVar[tuple[str, ...]] = ("generator",)

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        yield self.generator.likelihood(next(batches))


class ScheduledSampling(Objective):
    """Maximum likelihood where input tokens are sometimes replaced by the model's own samples.

    Each real input token is replaced with probability `model_prob`. The replacement is sampled by the generator,
    conditioned on the inputs that it has read so far (Bengio et al. 2015, arXiv:1506.03099). So the generator is also
    trained on prefixes with its own mistakes. The targets remain the real text, and no gradient passes through the
    sampling. Where the generator samples an end, and after it, the inputs are the real tokens.

    The objective is not a consistent estimator of the data's distribution: at `model_prob` = 1 each position learns the
    token frequencies at that position, whatever its prefix (Huszar 2015, arXiv:1511.05101).

    Args:
        model_prob: probability that an input token is the model's own. Usually 0 at first and growing: use the callback
            `anneal` with `option: objective.model_prob` and this phase's name.
    """

    updates: ClassVar[tuple[str, ...]] = ("generator",)
    requires: ClassVar[frozenset[str]] = frozenset({"inputs"})
    annealable: ClassVar[frozenset[str]] = frozenset({"model_prob"})

    def __init__(self, generator: Generator, vocab: Vocabulary, model_prob: Fraction = 0.25) -> None:
        self.generator, self.vocab, self.model_prob = generator, vocab, model_prob

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        batch = next(batches)
        value, stats = self.generator.likelihood_with_inputs(batch, self.inputs(batch))
        yield Loss(value, {**stats, "model_token_rate": torch.full_like(value, self.model_prob).detach()})

    def inputs(self, batch: Batch) -> Tensor:
        """Mixes real and sampled tokens.

        Args:
            batch: real text; tokens that are given are never replaced.

        Returns:
            Ids [B,T], the token that is read at each position.
        """
        with torch.no_grad():
            real = (torch.rand(batch.tokens.shape, device=batch.tokens.device) >= self.model_prob) | batch.given
            mixed = self.generator.sample(Batch(batch.tokens, batch.valid, real))
        return torch.where(mixed.valid & (mixed.x != self.vocab.eos), mixed.x, batch.tokens)


class Adversarial(Objective):
    """Trains the generator on the reward of generated text, whose gradient the estimator computes.

    Dropout is off, so that the policy whose log-probabilities are differentiated is the policy that generated the text.

    Args:
        batch_size: sequences to generate and score in a step; null is the run's batch size. More sequences make the
            gradient less noisy, which helps when the discriminator hardly tells real from generated text.
    """

    updates: ClassVar[tuple[str, ...]] = ("generator",)
    dropout: ClassVar[bool] = False

    def __init__(
        self, generator: Generator, estimator: Estimator, reward: Reward, batch_size: PositiveInt | None = None
    ) -> None:
        self.generator, self.estimator, self.reward = generator, estimator, reward
        self.batch_size = batch_size

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        batch = extend(next(batches), batches, self.batch_size)
        real = self.estimator.reals(self.generator, batch)
        yield from self.estimator.losses(self.generator, lambda fake: self.reward(fake, real), batch)


class Discriminate(Objective):
    """Trains the discriminator on real and generated text.

    Without `pool`, one step on one real batch and equally many new fakes. With `pool`, that many fakes are sampled at
    once, and the discriminator is trained on them and equally many real sequences for `epochs` passes. SeqGAN's
    schedule is `pool: 9984, epochs: 3, batch_size: 32`.

    Args:
        pool: fakes to sample at once; null is one batch.
        epochs: passes over the pool.
        batch_size: real sequences in a step, which has equally many fakes; null is the run's batch size.
    """

    updates: ClassVar[tuple[str, ...]] = ("discriminator",)

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        estimator: Estimator,
        pool: PositiveInt | None = None,
        epochs: PositiveInt = 1,
        batch_size: PositiveInt | None = None,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.loss, self.estimator = loss, estimator
        self.pool, self.epochs, self.batch_size = pool, epochs, batch_size

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        first = next(batches)
        batch = extend(first, batches, self.pool or self.batch_size)
        real = self.estimator.reals(self.generator, batch)
        fake = self.estimator.fakes(self.generator, batch)
        pairs = self.batch_size or len(first)
        for _ in range(self.epochs):
            for fake_part, real_part in zip(_minibatches(fake, pairs), _minibatches(real, pairs), strict=True):
                value, stats = self.loss.discriminator(self.discriminator, real_part, fake_part)
                yield Loss(value + self.discriminator.penalty(), stats)


def _minibatches(samples: Samples, size: int) -> Iterator[Samples]:
    """Yields shuffled minibatches of equal size; the remainder is dropped."""
    order = torch.randperm(len(samples), device=samples.x.device)
    size = min(size, len(samples))
    for i in range(0, len(samples) - size + 1, size):
        yield samples[order[i : i + size]]
