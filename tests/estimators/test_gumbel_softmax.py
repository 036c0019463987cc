"""The Gumbel-softmax compared with the true gradient, and deliberately wrong versions that tests must detect."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
import torch
from support.chances import by, p_value
from torch import Tensor
from torch.nn import functional

from textgan.core.roles import Estimator, Generator, RewardFn, TokenSampler
from textgan.core.types import Batch, Loss, Samples
from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.gumbel_softmax import GumbelSoftmax
from textgan.generation.token_samplers import conditional_gumbel_softmax, from_logits, gumbel_softmax, min_temperature
from textgan.nn.lm_head import LogitsHead
from textgan.testing import (
    TabularGenerator,
    TabularReward,
    check_estimator,
    exact_gradient,
    expected_gradient,
    tiny_vocabulary,
)
from textgan.training.callbacks.anneal import Anneal
from textgan.training.loop import Phase, train

LENGTH = 4


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


# Sampling


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("hard", [False, True])
def test_the_largest_coordinate_is_an_exact_sample(temperature: float, hard: bool) -> None:
    logits = torch.tensor([0.0, 2.0, -1.0, 1.0, -1e4])
    points = by(gumbel_softmax(temperature, hard), logits.expand(20_000, -1))
    torch.testing.assert_close(points.sum(1), torch.ones(20_000))
    assert p_value(points.argmax(1), logits.softmax(0)) > 1e-3


def linear_gradients(token_sampler: TokenSampler, rows: int = 40_000) -> Tensor:
    """Computes the gradients of a reward that is linear in the point, for many samples of one distribution, [R,V]."""
    logits = torch.tensor([0.0, 2.0, -1.0, 1.0, -1e4]).repeat(rows, 1).requires_grad_()
    (by(token_sampler, logits) @ torch.tensor([1.0, -1.0, 2.0, 0.5, 3.0])).sum().backward()
    assert logits.grad is not None
    return logits.grad


@pytest.mark.parametrize("gradient_samples", [1, 8])
def test_hard_points_are_tokens_with_the_gradient_of_soft_ones(gradient_samples: int) -> None:
    points = by(gumbel_softmax(0.7, True, gradient_samples), torch.randn(50, 7))
    assert bool(((points == 0) | (points == 1)).all())
    soft, hard = linear_gradients(gumbel_softmax(0.7)), linear_gradients(gumbel_softmax(0.7, True, gradient_samples))
    error = ((soft.var(0) + hard.var(0)) / len(soft)).sqrt()
    assert bool(soft.mean(0).abs().gt(20 * error)[:4].all())  # the gradients are not zero
    assert bool(((soft - hard).mean(0).abs() <= 5 * error).all())


def test_averaging_reduces_the_gradients_variance() -> None:
    one, many = (linear_gradients(gumbel_softmax(0.3, True, n)).var(0).sum() for n in (1, 8))
    assert many < 0.5 * one


def test_conditional_points_have_the_conditional_distribution() -> None:
    logits = torch.tensor([0.0, 2.0, -1.0, 1.0, -1e4]).expand(40_000, -1)
    points = by(gumbel_softmax(0.7), logits)
    for token in range(4):
        selected = points[points.argmax(1) == token]
        conditional = conditional_gumbel_softmax(logits, torch.full((40_000, 1), token), 0.7)
        assert conditional.argmax(1).eq(token).all()
        error = (selected.var(0) / len(selected) + conditional.var(0) / len(conditional)).sqrt()
        assert bool(((selected.mean(0) - conditional.mean(0)).abs() <= 5 * error).all())


class NoisyFeatures(TabularGenerator):
    """Wrong: the noise is added to the state, before the layer that makes logits of it."""

    @property
    def head(self) -> LogitsHead:
        plain = super().head
        noise = lambda features: -torch.empty_like(features).exponential_().log()  # noqa: E731
        return LogitsHead(lambda features: plain(features + noise(features)), plain.size)


def fits(generator: TabularGenerator, token_sampler: TokenSampler) -> float:
    """Computes the p-value of first tokens under the distribution of the same table."""
    first = generator.sample(Batch.blank(8000, 1), token_sampler).x.argmax(-1)[:, 0]
    plain = TabularGenerator(generator.vocab, LENGTH)
    logits = plain.head(plain.read(torch.zeros(1, 1, dtype=torch.long), plain.start(Batch.blank(1, 1)))[0])[0, 0]
    return p_value(first, logits.softmax(0).detach())


def test_noise_on_the_state_is_detected() -> None:
    vocab = tiny_vocabulary(4)
    with torch.no_grad():
        assert fits(TabularGenerator(vocab, LENGTH), gumbel_softmax(0.5)) > 1e-3
        assert fits(NoisyFeatures(vocab, LENGTH), from_logits(lambda logits: (logits / 0.5).softmax(1))) < 1e-6


# The gradient


@pytest.mark.parametrize("straight_through", [False, True])
def test_it_has_the_direction_of_the_true_gradient(straight_through: bool) -> None:
    check_estimator(lambda generator: GumbelSoftmax(tiny_vocabulary(3), 0.5, straight_through))


@functools.cache
def bias_and_std(temperature: float, per_token: bool = True, straight_through: bool = False) -> tuple[float, float]:
    """Computes |mean - true| / |true|, and the standard deviation for one sequence / |true|."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), LENGTH)
    reward = TabularReward(generator.vocab, LENGTH, per_token)
    true = exact_gradient(generator, reward, generator.vocab, LENGTH)
    rows, repeats = 2000, 30
    estimator = GumbelSoftmax(generator.vocab, temperature, straight_through)
    found, error = expected_gradient(estimator, generator, reward, Batch.blank(rows, LENGTH), repeats)
    return ((found - true).norm() / true.norm()).item(), (error.norm() * (rows * repeats) ** 0.5 / true.norm()).item()


def test_bias_falls_with_the_temperature_and_variance_grows() -> None:
    """The reward is linear in each token, so the bias is due to the temperature alone."""
    found = [bias_and_std(t) for t in (2.0, 1.0, 0.5, 0.25, 0.1)]
    biases, deviations = zip(*found, strict=True)
    assert list(biases) == sorted(biases, reverse=True)
    assert biases[0] > 0.6
    assert biases[-1] < 0.1
    assert list(deviations) == sorted(deviations)
    assert deviations[-1] > 20 * deviations[0]


def test_straight_through_has_a_bias_where_the_reward_is_not_linear() -> None:
    """Its reward is that of discrete tokens, but its gradient is that at one corner."""
    assert bias_and_std(0.1, per_token=False)[0] < 0.1
    assert bias_and_std(0.1, per_token=False, straight_through=True)[0] > 0.3


class Mean(GumbelSoftmax):
    """Wrong: the mean over a sequence's tokens."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        yield from super().losses(generator, lambda fake: reward(fake) / fake.valid.shape[1], batch)


def test_the_scale_is_a_sum_over_tokens() -> None:
    """The true gradient's scale, which a mean misses by the length."""
    generator = TabularGenerator(tiny_vocabulary(3), LENGTH)
    reward = TabularReward(generator.vocab, LENGTH, per_token=True)
    true = exact_gradient(generator, reward, generator.vocab, LENGTH)

    def scale(estimator: Estimator) -> float:
        found, _ = expected_gradient(estimator, generator, reward, Batch.blank(4000, LENGTH), 20)
        return (found @ true / (true @ true)).item()

    assert scale(GumbelSoftmax(generator.vocab, 0.2)) == pytest.approx(1, abs=0.1)
    assert scale(Mean(generator.vocab, 0.2)) == pytest.approx(1 / LENGTH, abs=0.1)


# The minimum temperature


def vanished(temperature: float, dtype: torch.dtype) -> float:
    """Computes the share of tokens, with a vocabulary of 50, whose gradient is below the epsilon of the type."""
    logits = torch.zeros(4000, 50, dtype=dtype, requires_grad=True)
    points = by(gumbel_softmax(temperature), logits)
    (points * torch.randn(4000, 50).to(dtype)).sum().backward()
    assert logits.grad is not None
    return (logits.grad.double().norm(dim=1) < torch.finfo(dtype).eps).double().mean().item()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_gradients_vanish_below_the_minimum(dtype: torch.dtype) -> None:
    minimum = min_temperature(dtype)
    assert vanished(4 * minimum, dtype) < 0.1
    assert 0.2 < vanished(minimum, dtype) < 0.5
    assert vanished(minimum / 10, dtype) > 0.8


def test_at_a_thousandth_nearly_all_gradients_are_zero() -> None:
    logits = torch.zeros(4000, 50, requires_grad=True)
    (by(gumbel_softmax(1e-3), logits) * torch.randn(4000, 50)).sum().backward()
    assert logits.grad is not None
    norms = logits.grad.norm(dim=1)
    assert norms.median() < 1e-15
    assert (norms == 0).float().mean() > 0.85


def test_a_temperature_below_the_minimum_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"temperature=0\.001: gradients vanish.*at least 0\.063"):
        GumbelSoftmax(tiny_vocabulary(3), 0.001)


def test_averaging_without_straight_through_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"gradient_samples=4: expected 1 without straight_through"):
        GumbelSoftmax(tiny_vocabulary(3), 0.5, gradient_samples=4)


def test_annealing_stops_at_the_minimum_and_reports_it() -> None:
    generator = TabularGenerator(tiny_vocabulary(3), LENGTH)
    estimator = GumbelSoftmax(generator.vocab)
    reward = TabularReward(generator.vocab, LENGTH)
    for requested, used in ((0.5, 0.5), (1e-3, min_temperature(torch.float32))):
        estimator.temperature = requested
        (loss,) = estimator.losses(generator, reward, Batch.blank(500, LENGTH))
        assert loss.stats["temperature"].item() == pytest.approx(used)
        generator.zero_grad()
        loss.value.backward()
        assert generator.table.grad is not None
        assert generator.table.grad.norm() > 1e-3
    estimator.temperature = 1e-3
    (loss,) = estimator.losses(generator.double(), lambda fake: fake.x[:, :1, 0], Batch.blank(5, LENGTH))
    assert loss.stats["temperature"].item() == pytest.approx(min_temperature(torch.float64))


# Annealing


class OwnClock(GumbelSoftmax):
    """Wrong: anneals over 5,000 steps of its own instead of the rounds of the phase."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        self.steps = getattr(self, "steps", 0) + 1
        self.temperature = max(0.1, 1.0 - 0.9 * self.steps / 5000)
        yield from super().losses(generator, reward, batch)


def temperatures(estimator: GumbelSoftmax, rounds: int) -> list[float]:
    """Returns the temperature in each round of a phase that anneals from 1 to 0.1."""
    generator = TabularGenerator(estimator_vocab := tiny_vocabulary(3), LENGTH)
    reward, used = TabularReward(estimator_vocab, LENGTH), []
    anneal = Anneal("estimator.temperature", "adversarial", 1.0, 0.1, estimator=estimator)
    for step in train([Phase("adversarial", rounds, [])], iter([])):
        (loss,) = estimator.losses(generator, reward, Batch.blank(2, LENGTH))
        used.append(loss.stats["temperature"].item())
        anneal(step)
    (loss,) = estimator.losses(generator, reward, Batch.blank(2, LENGTH))
    return [*used, loss.stats["temperature"].item()]


@pytest.mark.parametrize("rounds", [10, 40])
def test_it_anneals_over_the_rounds_of_the_phase(rounds: int) -> None:
    used = temperatures(GumbelSoftmax(tiny_vocabulary(3)), rounds)
    assert used == pytest.approx([1.0 - 0.9 * i / rounds for i in range(rounds + 1)])


def test_a_schedule_of_its_own_is_detected() -> None:
    assert temperatures(OwnClock(tiny_vocabulary(3)), 10)[-1] != pytest.approx(0.1, abs=0.1)


# The discriminator's inputs


def test_fakes_are_points_without_gradients_and_reals_are_corners() -> None:
    vocab = tiny_vocabulary(4, end=True)
    generator, batch = TabularGenerator(vocab, LENGTH), Batch.blank(64, LENGTH)
    batch.tokens[:] = torch.randint(4, (64, LENGTH))
    batch.given[:, 0] = True
    estimator = GumbelSoftmax(vocab, 0.8)
    fakes, reals = estimator.fakes(generator, batch), estimator.reals(generator, batch)
    assert not fakes.x.requires_grad
    for samples in (fakes, reals):
        assert samples.x.shape == (64, LENGTH, 4)
        torch.testing.assert_close(samples.x.sum(2), torch.ones(64, LENGTH))
    assert torch.equal(reals.x.argmax(2), batch.tokens)
    assert reals.x.amax(2).eq(1).all()
    assert torch.equal(reals.chosen, batch.valid & ~batch.given)
    assert torch.equal(fakes.x[:, 0].argmax(1), batch.tokens[:, 0])
    soft = fakes.x[fakes.chosen]
    assert not bool(((soft == 0) | (soft == 1)).all())


def test_with_straight_through_the_discriminator_is_trained_on_ids() -> None:
    """Ids have the same scores as one-hot vectors, which the reward uses."""
    vocab = tiny_vocabulary(4, end=True)
    generator, batch = TabularGenerator(vocab, LENGTH), Batch.blank(64, LENGTH)
    batch.tokens[:] = torch.randint(4, (64, LENGTH))
    estimator, d = GumbelSoftmax(vocab, 0.8, straight_through=True), TextCnn(vocab, widths=(1, 2), filters=3).eval()
    fakes, reals = estimator.fakes(generator, batch), estimator.reals(generator, batch)
    assert torch.equal(reals.x, batch.tokens)
    for samples in (fakes, reals):
        assert samples.x.shape == (64, LENGTH)
        one_hot = samples.with_x(functional.one_hot(samples.x, 4).float())
        torch.testing.assert_close(d(samples).logits, d(one_hot).logits)


def test_positions_after_the_end_are_padding() -> None:
    vocab = tiny_vocabulary(4, end=True)
    fakes = GumbelSoftmax(vocab).fakes(TabularGenerator(vocab, LENGTH), Batch.blank(64, LENGTH))
    padding = fakes.x[~fakes.valid]
    assert len(padding)
    assert torch.equal(padding, functional.one_hot(torch.full((len(padding),), vocab.pad), 4).float())


def test_gradients_reach_the_generator_through_rewards_of_sequences_and_tokens() -> None:
    generator = TabularGenerator(tiny_vocabulary(3), LENGTH)

    def last(fake: Samples) -> Tensor:
        return fake.x[:, -1:, 0]

    def tokens(fake: Samples) -> Tensor:
        return fake.x[:, :, 0]

    for reward in (last, tokens):
        generator.zero_grad()
        (loss,) = GumbelSoftmax(generator.vocab).losses(generator, reward, Batch.blank(32, LENGTH))
        loss.value.backward()
        assert generator.table.grad is not None
        assert generator.table.grad.any()
        assert not any(s.requires_grad for s in loss.stats.values())
