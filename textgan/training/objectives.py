"""What a turn minimises: likelihood, the discriminator's game, and the adversarial reward."""

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
    """`first` and what follows it, `count` sequences in all; None is `first` alone."""
    if count is None:
        return first
    more = islice(batches, max(0, -(-count // len(first)) - 1))
    return Batch.cat([first, *more])[:count]


class Likelihood(Objective):
    """The generator's pre-training loss on real text: one step, one batch."""

    updates: ClassVar[tuple[str, ...]] = ("generator",)

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        yield self.generator.likelihood(next(batches))


class ScheduledSampling(Objective):
    """Likelihood behind inputs that are partly the generator's own words, so that it meets its own mistakes.

    Each real token is, with probability `own`, replaced as an input by one that the generator draws behind what it has
    read so far (Bengio et al. 2015, arXiv:1506.03099); what is to be predicted stays the real text. No gradient passes
    through the drawing. Where the generator would have ended, the real text is read on.

    It is no consistent estimate of the data's law: at `own` = 1 each position learns the words' frequencies at that
    position, whatever came before (Huszar 2015, arXiv:1511.05101).

    Args:
        own: probability that the generator reads its own word. Usually 0 at first and growing: the callback `anneal`
            with `option: objective.own` and this phase's name.
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
        """What is read at each position of the batch, ids [B,T]: the real token, or the generator's own."""
        with torch.no_grad():
            real = (torch.rand(batch.tokens.shape, device=batch.tokens.device) >= self.model_prob) | batch.given
            mixed = self.generator.sample(Batch(batch.tokens, batch.valid, real))
        return torch.where(mixed.valid & (mixed.x != self.vocab.eos), mixed.x, batch.tokens)


class Adversarial(Objective):
    """The reward of generated text, turned into gradients by the estimator.

    Dropout stays off, so that the policy that is credited is the policy that wrote.

    Args:
        batch_size: sequences to write and score for a step; null is the run's batch size. More of them make the
            gradient less noisy, which a discriminator that is hard put to tell real from fake needs.
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
    """The discriminator's loss on real and generated text.

    Without `pool`, one step on one real batch and as many fresh fakes. With it, that many fakes are drawn at once and
    learned, against as many real sequences, for `epochs` passes: SeqGAN's schedule is `pool: 9984, epochs: 3,
    batch_size: 32`.

    Args:
        pool: fakes to draw at once; null is one batch.
        epochs: passes over the pool.
        batch_size: real sequences in a step, beside as many fakes; null is the run's batch size.
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
            for some_fake, some_real in zip(_minibatches(fake, pairs), _minibatches(real, pairs), strict=True):
                value, stats = self.loss.discriminator(self.discriminator, some_real, some_fake)
                yield Loss(value + self.discriminator.penalty(), stats)


def _minibatches(samples: Samples, size: int) -> Iterator[Samples]:
    """Yields shuffled minibatches of equal size; drops a remainder until the next shuffle."""
    order = torch.randperm(len(samples), device=samples.x.device)
    size = min(size, len(samples))
    for i in range(0, len(samples) - size + 1, size):
        yield samples[order[i : i + size]]
