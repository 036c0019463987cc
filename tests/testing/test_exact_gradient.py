"""The exact gradient beside finite differences, and contract functions beside components that break them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.losses.bce import Bce
from textgan.core.roles import Discriminator, TokenSampler, Generator, Reward, RewardFn, Rollouts
from textgan.data.interfaces import Source
from textgan.testing import (
    TabularGenerator,
    TabularReward,
    check_discriminator,
    check_estimator,
    check_generator,
    check_loss,
    check_reward,
    check_source,
    enumerate_sequences,
    exact_gradient,
    expected_gradient,
    flat,
    tiny_corpus,
    tiny_vocabulary,
)
from textgan.testing.fixtures import Lines
from textgan.core.types import Batch, Loss, Samples, Scores, Vocabulary

WORDS = LENGTH = 3


def expected_reward(table: Tensor, reward: TabularReward, end: bool) -> float:
    """sum_y pi(y) R(y), one sequence and one word at a time, in double precision."""
    law = table.double().view(LENGTH, WORDS, WORDS).log_softmax(2)  # position, word before, word
    total, seen = 0.0, set()
    for sequence in itertools.product(range(WORDS), repeat=LENGTH):
        stop = sequence.index(WORDS - 1) + 1 if end and WORDS - 1 in sequence else LENGTH
        words = sequence[:stop]
        if words in seen:
            continue
        seen.add(words)
        x = torch.tensor([[*words, *[0] * (LENGTH - stop)]])
        valid = (torch.arange(LENGTH) < stop).unsqueeze(0)
        chance = sum(law[t, before, word] for t, (before, word) in enumerate(itertools.pairwise((0, *words))))
        total += float(chance.exp()) * reward(Samples(x, valid, valid)).double().sum().item()  # type: ignore[union-attr]
    return total


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("per_token", [False, True])
def test_the_exact_gradient_is_that_of_finite_differences(end: bool, per_token: bool) -> None:
    vocab = tiny_vocabulary(WORDS, end)
    generator, reward = TabularGenerator(vocab, LENGTH), TabularReward(vocab, LENGTH, per_token)
    found = exact_gradient(generator, reward, vocab, LENGTH).view_as(generator.table)
    table = generator.table.detach().double()
    assert found.any()
    for place in itertools.product(range(table.shape[0]), range(WORDS)):
        nudge = torch.zeros_like(table)
        nudge[place] = 1e-4
        slope = (expected_reward(table + nudge, reward, end) - expected_reward(table - nudge, reward, end)) / 2e-4
        assert found[place].item() == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize(
    ("vocab", "length", "number"),
    [
        (tiny_vocabulary(3), 3, 27),
        (tiny_vocabulary(3), 1, 3),
        (
            tiny_vocabulary(3, end=True),
            3,
            1 + 2 + 4 + 8,
        ),  # those that end after 1, 2 and 3 words, and those that do not
        (Vocabulary(5, bos=1, eos=2, pad=0, forbidden_ids=(0, 1)), 2, 1 + 2 * 3),
    ],
)
def test_every_sequence_once(vocab: Vocabulary, length: int, number: int) -> None:
    every = enumerate_sequences(vocab, length)
    assert len(every) == number
    assert len({(*x, *v) for x, v in zip(every.x.tolist(), every.valid.tolist(), strict=True)}) == number
    assert not torch.isin(every.x[every.valid], torch.tensor(vocab.forbidden_ids)).any()
    total = TabularGenerator(vocab, length).log_prob(every).sum(1).exp().sum().item()
    assert total == pytest.approx(1, abs=1e-5)


def test_too_many_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        enumerate_sequences(tiny_vocabulary(10), 6)


def test_the_mean_gradient_and_its_error_are_those_of_the_repeats() -> None:
    vocab = tiny_vocabulary(3)
    generator, reward = TabularGenerator(vocab, 2), TabularReward(vocab, 2)
    torch.manual_seed(0)
    found, error = expected_gradient(Reinforce(), generator, reward, Batch.blank(4, 2), 3)
    torch.manual_seed(0)
    each = []
    for _ in range(3):
        (loss,) = Reinforce().losses(generator, reward, Batch.blank(4, 2))
        generator.zero_grad()
        loss.value.backward()  # type: ignore[no-untyped-call]
        each.append(-flat(generator))
    torch.testing.assert_close(found, torch.stack(each).mean(0))
    torch.testing.assert_close(error, torch.stack(each).std(0) / 3**0.5)
    _, unknown = expected_gradient(Reinforce(), generator, reward, Batch.blank(4, 2))
    assert unknown.isinf().all()


# Components that break their contracts.


class Forgets(TabularGenerator):
    """Draws where a token was given."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        return super().sample(Batch(batch.tokens, batch.valid, torch.zeros_like(batch.given)), draw)


class ClaimsWhatWasGiven(TabularGenerator):
    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        made = super().sample(batch, draw)
        return Samples(made.x, made.valid, made.valid)


class ScoresPadding(TabularGenerator):
    def log_prob(self, samples: Samples) -> Tensor:
        return super().log_prob(Samples(samples.x, torch.ones_like(samples.valid), samples.chosen))


class LikelihoodWithoutGradient(TabularGenerator):
    def likelihood(self, batch: Batch) -> Loss:
        value, stats = super().likelihood(batch)
        return Loss(value.detach() + 0 * self.table.sum(), stats)


class LosesPrefixes(TabularGenerator):
    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        for part in super().rollouts(samples, count):
            few = part.prefix > 1
            yield Rollouts(part.source[few], part.prefix[few], part.samples[few])


class MixesPrefixes(TabularGenerator):
    def rollouts(self, samples: Samples, count: int) -> Iterator[Rollouts]:
        for part in super().rollouts(samples, count):
            yield Rollouts(part.source.flip(0), part.prefix, part.samples)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (Forgets, "given must be kept"),
        (ClaimsWhatWasGiven, "given is not chosen"),
        (ScoresPadding, "0 where not valid"),
        (LikelihoodWithoutGradient, "no gradient"),
        (LosesPrefixes, "every unfinished prefix"),
        (MixesPrefixes, "keep its prefix"),
    ],
)
def test_broken_generators_are_caught(broken: type[TabularGenerator], told: str) -> None:
    check_generator(lambda vocab: TabularGenerator(vocab, 4))
    with pytest.raises(AssertionError, match=told):
        check_generator(lambda vocab: broken(vocab, 4))


def small(vocab: Vocabulary, kind: type[TextCnn] = TextCnn) -> TextCnn:
    return kind(vocab, embed_dim=8, widths=(1, 2), filters=8)


class ScoresOtherwise(TextCnn):
    def score(self, samples: Samples) -> Scores:
        logits, weight = super().score(samples)
        return Scores(logits + 0.1, weight)


class ReadsPadding(TextCnn):
    def forward(self, samples: Samples) -> Scores:
        return super().forward(Samples(samples.x, torch.ones_like(samples.valid), samples.chosen))

    def score(self, samples: Samples) -> Scores:
        return Discriminator.score(self, samples)


class LearnsNothing(TextCnn):
    capabilities = frozenset()  # a slope with a gradient would be too much to promise

    def forward(self, samples: Samples) -> Scores:
        logits, weight = super().forward(samples)
        return Scores(0 * logits, weight)

    def score(self, samples: Samples) -> Scores:
        return Discriminator.score(self, samples)


class JudgesTokens(TextCnn):
    granularity = "token"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (ScoresOtherwise, "score must equal forward"),
        (ReadsPadding, "padding must change nothing"),
        (LearnsNothing, "real is high"),
        (JudgesTokens, "judges each token"),
    ],
)
def test_broken_discriminators_are_caught(broken: type[TextCnn], told: str) -> None:
    check_discriminator(small)
    with pytest.raises(AssertionError, match=told):
        check_discriminator(lambda vocab: small(vocab, broken))


class LowIsBetter(Bce):
    def reward(self, d: Discriminator, fake: Samples, real: Samples) -> Tensor:
        return -super().reward(d, fake, real)


class WrongWayRound(Bce):
    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        return super().discriminator(d, fake, real)


class Attached(Bce):
    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        value, _ = super().discriminator(d, real, fake)
        return Loss(value, {"d_loss": value})


@pytest.mark.parametrize(
    ("broken", "told"),
    [(LowIsBetter, "higher reward"), (WrongWayRound, "higher reward"), (Attached, "detached")],
)
def test_broken_losses_are_caught(broken: type[Bce], told: str) -> None:
    check_loss(Bce(), small)
    with pytest.raises(AssertionError, match=told):
        check_loss(broken(), small)


class Moody(Reward):
    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return torch.rand(len(fake), 1)


class Flat(Reward):
    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return torch.ones(len(fake))


class Infinite(Reward):
    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        return torch.full((len(fake), 1), torch.inf)


@pytest.mark.parametrize(("broken", "told"), [(Moody, "chance"), (Flat, "must be"), (Infinite, "finite")])
def test_broken_rewards_are_caught(broken: type[Reward], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        check_reward(broken(), tiny_corpus())


class Halved(Reinforce):
    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        for value, stats in super().losses(generator, reward, batch):
            yield Loss(value / 2, stats)


class HonestlyHalved(Halved):
    unbiased = False


def test_an_estimator_is_held_to_what_it_declares() -> None:
    with pytest.raises(AssertionError, match="declares unbiased"):
        check_estimator(lambda generator: Halved())
    check_estimator(lambda generator: HonestlyHalved())


def test_an_estimator_is_shown_only_rewards_that_it_can_credit() -> None:
    check_estimator(lambda generator: Rollout(generator, 1), rows=1500)


LEAKY: list[tuple[Any, str]] = [
    (Lines([], ["a"], ["b"]), "no training text"),
    (Lines(["a", "b"], ["c"], ["a"]), "test and train"),
    (Lines(["a", "b"], ["b"], ["c"]), "validation and train"),
]


@pytest.mark.parametrize(("source", "told"), LEAKY)
def test_broken_sources_are_caught(source: Source, told: str) -> None:
    check_source(Lines(["a"], ["b"], ["c"]))
    with pytest.raises(AssertionError, match=told):
        check_source(source)
