"""Contract checks, with components that satisfy them and components that do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import pytest
import torch
from torch import Tensor

from textgan.core.roles import Discriminator, Generator, Reward, RewardFn, Rollouts, TokenSampler
from textgan.core.types import Batch, Loss, Samples, Scores, Vocabulary
from textgan.data.interfaces import Raw, Source
from textgan.discriminators.mlp import Mlp
from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.generation.sampling import count_tokens
from textgan.losses.bce import Bce
from textgan.metrics.base import Evaluation, Metric
from textgan.metrics.diversity import Distinct
from textgan.testing import (
    TabularGenerator,
    check_discriminator,
    check_estimator,
    check_generator,
    check_loss,
    check_metric,
    check_reward,
    check_source,
    tiny_corpus,
)
from textgan.testing.fixtures import GaussianCodes, Lines


class IgnoresGiven(TabularGenerator):
    """Samples tokens that were given."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        return super().sample(Batch(batch.tokens, batch.valid, torch.zeros_like(batch.given)), token_sampler)


class MarksGivenAsChosen(TabularGenerator):
    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        samples = super().sample(batch, token_sampler)
        return Samples(samples.x, samples.valid, samples.valid)


class ScoresPadding(TabularGenerator):
    def log_prob(self, samples: Samples) -> Tensor:
        return super().log_prob(Samples(samples.x, torch.ones_like(samples.valid), samples.chosen))


class LikelihoodWithoutGradient(TabularGenerator):
    def likelihood(self, batch: Batch) -> Loss:
        value, stats = super().likelihood(batch)
        return Loss(value.detach() + 0 * self.table.sum(), stats)


class OmitsPrefixes(TabularGenerator):
    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        for part in super().rollouts(samples, count):
            kept = part.prefix > 1
            yield Rollouts(part.source[kept], part.prefix[kept], part.samples[kept])


class MixesPrefixes(TabularGenerator):
    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        for part in super().rollouts(samples, count):
            yield Rollouts(part.source.flip(0), part.prefix, part.samples)


class DoesNotCount(TabularGenerator):
    """Samples with its own sampler, which does not report the sampled tokens."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        every = torch.ones_like(batch.valid)
        return Samples(torch.where(batch.given, batch.tokens, 1), every, every & ~batch.given)


class CountsTwice(TabularGenerator):
    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        samples = super().sample(batch, token_sampler)
        count_tokens(samples.chosen)
        return samples


class SamplesUniformly(TabularGenerator):
    """Ignores its own probabilities."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        sampled_from = TabularGenerator(self.vocab, 4, spread=0.0) if token_sampler is None else super()
        return sampled_from.sample(batch, token_sampler)


class Unnormalised(TabularGenerator):
    def log_prob(self, samples: Samples) -> Tensor:
        return super().log_prob(samples) - 0.1 * samples.valid


class NotABound(TabularGenerator):
    bound = True

    def log_prob(self, samples: Samples) -> Tensor:
        return super().log_prob(samples) + 0.1 * samples.valid


class Bound(TabularGenerator):
    """Declares a lower bound, and has one."""

    bound = True

    def log_prob(self, samples: Samples) -> Tensor:
        return super().log_prob(samples) - 0.1 * samples.valid


class HardRelaxed(TabularGenerator):
    """Returns points of the simplex without gradients."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        samples = super().sample(batch, token_sampler)
        return samples.with_x(samples.x.detach())


class RelaxedByAConstant(TabularGenerator):
    """Returns points of the simplex whose gradients reach no parameter."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        samples = super().sample(batch, token_sampler)
        return samples.with_x(samples.x.detach().requires_grad_()) if samples.x.is_floating_point() else samples


class DetachedLikelihood(TabularGenerator):
    def likelihood(self, batch: Batch) -> Loss:
        value, stats = super().likelihood(batch)
        return Loss(value.detach(), stats)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (DoesNotCount, "sample counted 0 tokens instead of 24"),
        (CountsTwice, r"sample counted \d+ tokens instead of \d+: .* once"),
        (SamplesUniformly, "sample and log_prob have different distributions"),
        (Unnormalised, "log_prob is not a distribution"),
        (NotABound, "log_prob is not a lower bound"),
        (HardRelaxed, "relaxed samples must carry gradients"),
        (RelaxedByAConstant, "gradients of relaxed samples must reach"),
        (IgnoresGiven, "given tokens must be kept"),
        (MarksGivenAsChosen, "given tokens must not be chosen"),
        (ScoresPadding, "0 where not valid"),
        (LikelihoodWithoutGradient, "no gradient for any parameter"),
        (DetachedLikelihood, "has no gradient"),
        (OmitsPrefixes, "every unfinished prefix"),
        (MixesPrefixes, "keep its prefix"),
    ],
)
def test_broken_generators_are_caught(broken: type[TabularGenerator], message: str) -> None:
    check_generator(lambda vocab: TabularGenerator(vocab, 4))
    with pytest.raises(AssertionError, match=message):
        check_generator(lambda vocab: broken(vocab, 4))


def test_a_lower_bound_is_accepted() -> None:
    check_generator(lambda vocab: Bound(vocab, 4))


def small(vocab: Vocabulary, kind: type[TextCnn] = TextCnn) -> TextCnn:
    return kind(vocab, embed_dim=8, widths=(1, 2), filters=8)


class ScoresDifferently(TextCnn):
    def score(self, samples: Samples) -> Scores:
        logits, weight = super().score(samples)
        return Scores(logits + 0.1, weight)


class UsesPadding(TextCnn):
    def forward(self, samples: Samples) -> Scores:
        return super().forward(Samples(samples.x, torch.ones_like(samples.valid), samples.chosen))

    def score(self, samples: Samples) -> Scores:
        return Discriminator.score(self, samples)


class LearnsNothing(TextCnn):
    capabilities = frozenset()  # without double_backward, which it would not satisfy

    def forward(self, samples: Samples) -> Scores:
        logits, weight = super().forward(samples)
        return Scores(0 * logits, weight)

    def score(self, samples: Samples) -> Scores:
        return Discriminator.score(self, samples)


class DeclaresTokens(TextCnn):
    granularity = "token"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (ScoresDifferently, "score must equal forward"),
        (UsesPadding, "padding must have no effect"),
        (LearnsNothing, "real is high"),
        (DeclaresTokens, 'granularity "token"'),
    ],
)
def test_broken_discriminators_are_caught(broken: type[TextCnn], message: str) -> None:
    check_discriminator(small)
    with pytest.raises(AssertionError, match=message):
        check_discriminator(lambda vocab: small(vocab, broken))


class NoGradientOfGradient(TextCnn):
    """Promises double_backward, but its scores' input gradient does not depend on its parameters."""

    capabilities = frozenset({"double_backward"})
    input_spaces = frozenset({"ids", "simplex"})

    def forward(self, samples: Samples) -> Scores:
        logits, weight = super().forward(samples.with_x(samples.x.detach()))
        through = samples.x.sum() * 0 if samples.x.is_floating_point() else 0
        return Scores(logits + through, weight)


class DiscreteOnly(TextCnn):
    capabilities = frozenset({"double_backward"})
    input_spaces = frozenset({"ids"})


@pytest.mark.parametrize(
    ("broken", "message"),
    [(NoGradientOfGradient, "input gradient reaches no parameter"), (DiscreteOnly, "needs a continuous input")],
)
def test_double_backward_is_checked(broken: type[TextCnn], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_discriminator(lambda vocab: small(vocab, broken))


def test_a_discriminator_of_codes_is_checked_on_codes() -> None:
    check_discriminator(lambda vocab: Mlp(GaussianCodes(5), 8, 1), code_dim=5)


class LowIsBetter(Bce):
    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        return -super().reward(d, fake, real)


class SwapsRealAndFake(Bce):
    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        return super().discriminator(d, fake, real)


class Attached(Bce):
    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        value, _ = super().discriminator(d, real, fake)
        return Loss(value, {"d_loss": value})


@pytest.mark.parametrize(
    ("broken", "message"),
    [(LowIsBetter, "higher reward"), (SwapsRealAndFake, "higher reward"), (Attached, "detached")],
)
def test_broken_losses_are_caught(broken: type[Bce], message: str) -> None:
    check_loss(Bce(), small)
    with pytest.raises(AssertionError, match=message):
        check_loss(broken(), small)


class RandomReward(Reward):
    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return torch.rand(len(fake), 1)


class WrongShape(Reward):
    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return torch.ones(len(fake))


class Infinite(Reward):
    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return torch.full((len(fake), 1), torch.inf)


@pytest.mark.parametrize(
    ("broken", "message"),
    [(RandomReward, "random"), (WrongShape, r"must be \[B,1\], not \(8,\)"), (Infinite, "finite")],
)
def test_broken_rewards_are_caught(broken: type[Reward], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_reward(broken(), tiny_corpus())


class Halved(Reinforce):
    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        for value, stats in super().losses(generator, reward, batch):
            yield Loss(value / 2, stats)


class HonestlyHalved(Halved):
    unbiased = False


def test_an_estimator_must_be_unbiased_only_if_it_declares_so() -> None:
    with pytest.raises(AssertionError, match="declares unbiased"):
        check_estimator(lambda generator: Halved())
    check_estimator(lambda generator: HonestlyHalved())


def test_an_estimator_is_run_only_on_rewards_of_its_granularities() -> None:
    check_estimator(lambda generator: Rollout(generator, 1), rows=1500)


LEAKY: list[tuple[Any, str]] = [
    (Lines([], ["a"], ["b"]), "no training text"),
    (Lines(["a", "b"], ["c"], ["a"]), "test and train"),
    (Lines(["a", "b"], ["b"], ["c"]), "validation and train"),
]


@pytest.mark.parametrize(("source", "message"), LEAKY)
def test_broken_sources_are_caught(source: Source, message: str) -> None:
    check_source(Lines(["a"], ["b"], ["c"]))
    with pytest.raises(AssertionError, match=message):
        check_source(source)


class ChangesWithEachRead(Source):
    """Returns other text each time."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, seed: int) -> Raw:
        self.reads += 1
        return Raw([f"text {self.reads}"], ["b"], ["c"])


def test_a_source_must_return_the_same_text_for_the_same_seed() -> None:
    with pytest.raises(AssertionError, match="the same seed must give the same text"):
        check_source(ChangesWithEachRead())


class Named(Metric):
    """Returns what it is given."""

    def __init__(
        self, *results: Mapping[str, Any], better: Mapping[str, Literal["higher", "lower"]] | None = None
    ) -> None:
        self.results, self.direction = list(results), better or {}

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        return self.results.pop(0)

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return self.direction


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (Named({}, {}), "at least one number"),
        (Named({"a": float("nan")}, {"a": 0.0}), "not all finite floats"),
        (Named({"a": 1}, {"a": 1}), "not all finite floats"),
        (Named({"a": 1.0}, {"a": 2.0}), "the same numbers for the same samples"),
        (Named({"a": 1.0}, {"a": 1.0}, better={"b": "lower"}), "a name that the metric does not return"),
    ],
)
def test_broken_metrics_are_caught(metric: Metric, message: str) -> None:
    check_metric(Distinct())
    with pytest.raises(AssertionError, match=message):
        check_metric(metric)


def test_an_estimator_that_fits_no_problem_is_an_error() -> None:
    class Unusable(Reinforce):
        requires: ClassVar[frozenset[str]] = frozenset({"nothing"})

    with pytest.raises(AssertionError, match="Unusable fits none of the problems"):
        check_estimator(lambda generator: Unusable())


def test_an_estimator_must_not_point_away_from_the_gradient() -> None:
    class Downhill(HonestlyHalved):
        def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
            for value, stats in super().losses(generator, reward, batch):
                yield Loss(-value, stats)

    with pytest.raises(AssertionError, match="points away from the exact gradient"):
        check_estimator(lambda generator: Downhill())
