"""Entropy regularisation of all score-function estimators: the gradient of E[R] + lambda * H(pi), by enumeration."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from textgan.core.roles import Estimator, Generator
from textgan.core.types import Batch, Samples
from textgan.estimators import returns
from textgan.estimators.actor_critic import ActorCritic
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.testing import (
    TabularGenerator,
    TabularReward,
    enumerate_sequences,
    exact_gradient,
    expected_gradient,
    flat,
    tiny_vocabulary,
)

Make = Callable[[Generator, float], Estimator]
MAKES: dict[str, Make] = {
    "reinforce": lambda generator, weight: Reinforce(entropy=weight),
    "rollout": lambda generator, weight: Rollout(generator, 1, entropy=weight),
    "actor_critic": lambda generator, weight: ActorCritic(
        tiny_vocabulary(3), entropy=weight, embed_dim=4, hidden_dim=4
    ),
}


def entropy_gradient(generator: TabularGenerator, length: int) -> Tensor:
    """Computes the gradient of H(pi) = -sum_y pi(y) log pi(y), [P]."""
    log_prob = generator.log_prob(enumerate_sequences(generator.vocab, length)).sum(1)
    generator.zero_grad()
    (-(log_prob.exp() * log_prob).sum()).backward()
    return flat(generator)


def deviation(make: Make, end: bool, per_token: bool, weight: float, length: int = 3) -> tuple[float, float]:
    """Computes the largest deviation from the true gradient, in standard errors, and the cosine of its two terms."""
    generator = TabularGenerator(tiny_vocabulary(3, end), length, spread=1.5)
    reward = TabularReward(generator.vocab, length, per_token)
    torch.manual_seed(0)
    estimator = make(generator, weight)
    of_reward, of_entropy = (
        exact_gradient(generator, reward, generator.vocab, length),
        entropy_gradient(generator, length),
    )
    true = of_reward + weight * of_entropy
    found, error = expected_gradient(estimator, generator, reward, Batch.blank(2000, length), 30)
    cosine = torch.nn.functional.cosine_similarity(of_reward, of_entropy, dim=0).item()
    return ((found - true).abs() / (error + 1e-6)).max().item(), cosine


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("per_token", [False, True])
@pytest.mark.parametrize("name", MAKES)
def test_the_gradient_is_that_of_reward_and_entropy(name: str, per_token: bool, end: bool) -> None:
    if name == "rollout" and per_token:
        return  # it supports rewards of sequences only
    worst, cosine = deviation(MAKES[name], end, per_token, 0.7)
    assert worst < 5
    assert abs(cosine) < 0.9, "the two gradients must differ for the test to be meaningful"


def this_token_alone(generator: Generator, samples: Samples, weight: float) -> Tensor:
    """Wrong: a token gets its own term but not those of later tokens."""
    return returns.entropy_bonus(generator, samples, weight)


def wrong_sign(generator: Generator, samples: Samples, weight: float) -> Tensor:
    """Wrong: the sign."""
    return returns.entropy_bonus(generator, samples, -weight).flip(1).cumsum(1).flip(1)


@pytest.mark.parametrize("wrong", [this_token_alone, wrong_sign])
@pytest.mark.parametrize("name", ["reinforce", "rollout"])
def test_wrong_versions_are_detected(
    name: str, wrong: Callable[[Generator, Samples, float], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(returns, "entropy_to_go", wrong)
    assert deviation(MAKES[name], end=True, per_token=False, weight=0.7)[0] > 10


@pytest.mark.parametrize("name", MAKES)
def test_a_weight_of_zero_costs_no_forward_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    calls: list[int] = []
    log_prob = generator.log_prob

    def counted(samples: Samples) -> Tensor:
        calls.append(len(samples))
        return log_prob(samples)

    monkeypatch.setattr(generator, "log_prob", counted)
    for weight, expected in ((0.0, 1), (0.5, 2)):
        calls.clear()
        estimator = MAKES[name](generator, weight)
        list(estimator.losses(generator, TabularReward(generator.vocab, 3), Batch.blank(8, 3)))
        assert len(calls) == expected


@pytest.mark.parametrize("name", MAKES)
def test_the_weight_may_be_annealed(name: str) -> None:
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    estimator = MAKES[name](generator, 0.5)
    assert "entropy" in estimator.annealable
    values = []
    for weight in (0.5, 0.0):
        estimator.entropy = weight  # type: ignore[assignment]
        torch.manual_seed(0)
        (loss,) = estimator.losses(generator, TabularReward(generator.vocab, 3), Batch.blank(8, 3))
        values.append(loss.stats["g_loss"].item())
    assert values[0] != values[1]


def test_given_tokens_have_no_entropy_bonus() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    batch = Batch.blank(16, 4)
    batch.given[:, 0] = True
    samples = generator.sample(batch)
    bonus = returns.entropy_bonus(generator, samples, 2.0)
    assert not bonus[~samples.chosen].any()
    torch.testing.assert_close(bonus, -2.0 * generator.log_prob(samples).detach() * samples.chosen)


def test_entropy_alone_makes_the_policy_uniform() -> None:
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 3)
    estimator = Reinforce(entropy=1.0)
    optimizer = torch.optim.Adam(generator.parameters(), 0.05)
    torch.manual_seed(0)
    for _ in range(150):
        (loss,) = estimator.losses(generator, lambda samples: torch.zeros(len(samples), 1), Batch.blank(256, 3))
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
    every = enumerate_sequences(generator.vocab, 3)
    probability = generator.log_prob(every).sum(1).exp()
    torch.testing.assert_close(probability, torch.full_like(probability, 1 / len(every)), atol=0.01, rtol=0)
