"""Compares estimators with the exact gradient of small problems.

A problem is a generator whose samples can be enumerated (or integrated), a reward, and the exact gradient of the
expected reward. `measure` computes an estimator's gradient many times: its direction, scale, bias, variance and cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from scipy import stats
from torch import Tensor, nn

from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Vocabulary
from textgan.testing.exact_gradient import exact_gradient, flat
from textgan.testing.fixtures import GaussianCodes, SquaredDistance, TabularGenerator, TabularReward, tiny_vocabulary

SIGNIFICANCE = 1e-4
"""A gradient is called biased if the p-value of its distance from the exact one is below this."""


@dataclass(frozen=True)
class Problem:
    """Holds a generator, a reward, and the exact gradient of the expected reward over the generator's parameters.

    Args:
        name: to be displayed.
        granularity: of the reward, "sequence" or "token".
        generator: a fixed generator.
        reward: a fixed reward.
        gradient: the exact gradient, [P].
        vocab: the generator's vocabulary; not used in a problem of latent codes.
        length: T.
    """

    name: str
    granularity: str
    generator: Generator
    reward: RewardFn
    gradient: Tensor
    vocab: Vocabulary
    length: int


@dataclass(frozen=True)
class Measured:
    """Compares an estimator's gradient with the exact one, g. Ratios to |g|² do not depend on the reward's unit.

    Args:
        problem: name of the problem.
        cosine: between the mean gradient and g; 1 is the same direction.
        scale: length of the mean gradient along g, relative to g; 1 is the exact length.
        bias2: |mean - g|² / |g|², corrected for sampling noise, so it may be slightly below 0.
        variance: trace of the gradient's covariance for one sequence, / |g|².
        tokens: tokens that the generator read per sequence: a cost that does not depend on the machine.
        microseconds: per sequence, on this machine.
        p_value: probability that an unbiased gradient is as far from g in its worst parameter, by a t-test with
            Bonferroni's correction.
    """

    problem: str
    cosine: float
    scale: float
    bias2: float
    variance: float
    tokens: float
    microseconds: float
    p_value: float

    @property
    def biased(self) -> bool:
        """Whether the mean gradient differs significantly from the exact one."""
        return self.p_value < SIGNIFICANCE


def problems(vocab_size: int = 3, length: int = 4) -> Iterator[Problem]:
    """Yields four problems: sequence rewards with and without an end token, token rewards, and latent codes.

    Args:
        vocab_size: V, and the size of the latent codes.
        length: T.

    Raises:
        ValueError: if there are too many sequences to enumerate.
    """
    for name, end, per_token in (
        ("sequence rewards", False, False),
        ("sequence rewards, end token", True, False),
        ("token rewards, end token", True, True),
    ):
        vocab = tiny_vocabulary(vocab_size, end)
        generator = TabularGenerator(vocab, length)
        reward = TabularReward(vocab, length, per_token)
        exact = exact_gradient(generator, reward, vocab, length)
        yield Problem(name, "token" if per_token else "sequence", generator, reward, exact, vocab, length)
    codes, distance = GaussianCodes(vocab_size), SquaredDistance(vocab_size)
    exact = codes.exact(distance.target)
    yield Problem("latent codes", "sequence", codes, distance, exact, tiny_vocabulary(vocab_size), length)


def fits(estimator: Any, problem: Problem) -> bool:
    """Returns whether an estimator can be run on a problem.

    Args:
        estimator: an estimator, or an object with its traits.
        problem: the problem.
    """
    generator = problem.generator
    return (
        estimator.mode in generator.sample_space
        and estimator.requires <= generator.capabilities
        and problem.granularity in estimator.reward_granularity
    )


def measure(
    make: Callable[[Problem], Estimator], problem: Problem, rows: int = 1000, repeats: int = 40, seed: int = 0
) -> Measured:
    """Measures an estimator's gradient on a problem.

    A critic is first trained for 200 steps, so that its quality is that of the middle of a run.

    Args:
        make: problem -> a new estimator for its generator.
        problem: one that the estimator fits.
        rows: sequences in a batch.
        repeats: number of batches; the mean is over them, and the variance between them.
        seed: of the random numbers.
    """
    torch.manual_seed(seed)
    estimator, batch = make(problem), Batch.blank(rows, problem.length)
    _train_critic(estimator, problem, batch)
    counter = _Counter(problem.generator)
    started = time.perf_counter()
    each = torch.stack([_gradient(estimator, problem, batch) for _ in range(repeats)]).double()  # [repeats,P]
    seconds = time.perf_counter() - started
    tokens = counter.stop()
    exact = problem.gradient.double()
    mean, variance = each.mean(0), each.var(0)  # [P]
    length2, distance2 = exact.square().sum(), (mean - exact).square().sum()
    return Measured(
        problem=problem.name,
        cosine=torch.cosine_similarity(mean, exact, dim=0).item(),
        scale=(mean @ exact / length2).item(),
        bias2=((distance2 - variance.sum() / repeats) / length2).item(),
        variance=(variance.sum() * rows / length2).item(),
        tokens=tokens / (rows * repeats),
        microseconds=1e6 * seconds / (rows * repeats),
        p_value=_p_value(mean - exact, variance / repeats, repeats - 1),
    )


def _gradient(estimator: Estimator, problem: Problem, batch: Batch) -> Tensor:
    """Computes the mean over the estimator's losses of the gradient of the reward, [P]."""
    gradients = []
    for loss in estimator.losses(problem.generator, problem.reward, batch):
        problem.generator.zero_grad()
        loss.value.backward()
        gradients.append(-flat(problem.generator))
    return torch.stack(gradients).mean(0)


def _p_value(difference: Tensor, variance: Tensor, freedom: int) -> float:
    """Computes the p-value of the largest of several differences, by t-tests with Bonferroni's correction."""
    rounding = 1e-6 * difference.abs().max().clamp_min(1e-6)
    t = difference.abs() / (variance.sqrt() + rounding)
    return min(1.0, float(stats.t.sf(t.max().item(), freedom)) * 2 * len(t))


def _train_critic(estimator: Estimator, problem: Problem, batch: Batch, steps: int = 200) -> None:
    parameters = [p for p in estimator.parameters() if p.requires_grad]
    if not parameters:
        return
    optimizer = torch.optim.Adam(parameters, 1e-2)
    part = batch[:200]
    for _ in range(steps):
        for loss in estimator.losses(problem.generator, problem.reward, part):
            optimizer.zero_grad()
            loss.value.backward()
            optimizer.step()


class _Counter:
    """Counts the tokens that a generator reads, or the codes that it samples, until it is stopped."""

    def __init__(self, generator: nn.Module) -> None:
        self.generator, self.tokens = generator, 0
        self.name = "read" if "incremental" in generator.capabilities else "sample"  # type: ignore[operator]
        self.method = getattr(generator, self.name)
        setattr(generator, self.name, self._count)

    def _count(self, inputs: Any, *rest: Any) -> Any:
        rows = inputs.tokens[:, 0] if isinstance(inputs, Batch) else inputs
        self.tokens += rows.shape[0] * (rows.shape[1] if rows.dim() > 1 else 1)
        return self.method(inputs, *rest)

    def stop(self) -> int:
        delattr(self.generator, self.name)
        return self.tokens
