from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest
import torch

from textgan.core.roles import Generator, RewardFn
from textgan.core.types import Batch, Loss
from textgan.estimators.reinforce import Reinforce
from textgan.testing.exact_gradient import exact_gradient
from textgan.testing.gradient_problems import Problem, fits, measure, problems


class Halved(Reinforce):
    """Returns half of the gradient."""

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        for value, stats in super().losses(generator, reward, batch):
            yield Loss(value / 2, stats)


def test_the_problems_have_different_rewards_and_their_exact_gradients() -> None:
    found = list(problems(4, 3))
    assert [(p.name, p.granularity, p.vocab.eos) for p in found] == [
        ("sequence rewards", "sequence", None),
        ("sequence rewards, end token", "sequence", 3),
        ("token rewards, end token", "token", 3),
        ("latent codes", "sequence", None),
    ]
    for problem in found[:3]:
        assert problem.gradient.shape == (3 * 4 * 4,)
        exact = exact_gradient(problem.generator, problem.reward, problem.vocab, problem.length)
        torch.testing.assert_close(problem.gradient, exact)
    with pytest.raises(ValueError, match="too many sequences"):
        list(problems(9, 9))


def test_the_exact_gradient_of_codes_is_that_of_many_samples() -> None:
    problem = list(problems())[-1]
    torch.manual_seed(0)
    samples = problem.generator.sample(Batch.blank(200_000, 4))
    problem.generator.zero_grad()
    problem.reward(samples).mean().backward()  # type: ignore[no-untyped-call]
    sampled = torch.cat([p.grad for p in problem.generator.parameters() if p.grad is not None])
    torch.testing.assert_close(sampled, problem.gradient, atol=0.03, rtol=0)


class NeedsNoise(Reinforce):
    mode = "path"
    requires: ClassVar[frozenset[str]] = frozenset({"noise"})


class NeedsRollouts(Reinforce):
    requires: ClassVar[frozenset[str]] = frozenset({"rollouts"})


class SequencesOnly(Reinforce):
    reward_granularity: ClassVar[frozenset[str]] = frozenset({"sequence"})


@pytest.mark.parametrize(
    ("estimator", "fitting"),
    [
        (Reinforce, {"sequence rewards", "sequence rewards, end token", "token rewards, end token"}),
        (NeedsRollouts, {"sequence rewards", "sequence rewards, end token", "token rewards, end token"}),
        (SequencesOnly, {"sequence rewards", "sequence rewards, end token"}),
        (NeedsNoise, {"latent codes"}),
    ],
)
def test_an_estimator_fits_by_mode_capabilities_and_granularity(estimator: type[Reinforce], fitting: set[str]) -> None:
    assert {problem.name for problem in problems() if fits(estimator, problem)} == fitting


@pytest.fixture(scope="module")
def problem() -> Problem:
    return next(problems())


def test_direction_scale_bias_variance_and_cost_are_measured(problem: Problem) -> None:
    found = measure(lambda p: Reinforce(), problem, 500, 30)
    halved = measure(lambda p: Halved(), problem, 500, 30)
    assert found.problem == "sequence rewards"
    assert found.cosine == pytest.approx(1, abs=0.01)
    assert found.scale == pytest.approx(1, abs=0.05)
    assert abs(found.bias2) < 0.01
    assert halved.scale == pytest.approx(found.scale / 2)
    assert halved.bias2 == pytest.approx(0.25, abs=0.05)
    assert halved.variance == pytest.approx(found.variance / 4)
    assert found.tokens == 8  # four to sample a sequence, four to score it
    assert found.p_value > 0.01 > halved.p_value
    assert not found.biased
    assert halved.biased
    assert found.microseconds > 0


def test_the_variance_of_a_sequence_does_not_depend_on_the_batch(problem: Problem) -> None:
    small, large = (measure(lambda p: Reinforce("none"), problem, rows, 60) for rows in (100, 400))
    assert small.variance == pytest.approx(large.variance, rel=0.25)


def test_a_seed_determines_the_numbers(problem: Problem) -> None:
    one, same, other = (measure(lambda p: Reinforce(), problem, 50, 5, seed) for seed in (0, 0, 1))
    assert one.cosine == same.cosine != other.cosine


def test_measuring_leaves_the_generators_methods_alone(problem: Problem) -> None:
    measure(lambda p: Reinforce(), problem, 50, 5)
    assert "read" not in vars(problem.generator)


def test_a_critic_is_trained_before_it_is_measured(problem: Problem) -> None:
    calls = []

    class WithCritic(Reinforce):
        has_parameters = True

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))

        def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
            calls.append(len(batch))
            for value, stats in super().losses(generator, reward, batch):
                yield Loss(value + (self.weight - 1) ** 2, stats)

    made: list[WithCritic] = []

    def make(problem: Problem) -> WithCritic:
        made.append(WithCritic())
        return made[-1]

    measure(make, problem, 300, 5)
    assert calls == [200] * 200 + [300] * 5
    assert made[0].weight.item() == pytest.approx(1, abs=0.1)


def test_the_bias_is_corrected_for_sampling_noise(problem: Problem) -> None:
    found = [measure(lambda p: Reinforce(), problem, 20, 10, seed) for seed in range(20)]
    noise = sum(m.variance for m in found) / len(found) / (20 * 10)
    assert abs(sum(m.bias2 for m in found) / len(found)) < 0.4 * noise
    assert min(m.bias2 for m in found) < 0
