"""Small problems whose true gradient is known, and how far an estimator's gradient is from it.

A problem is a generator that can be enumerated (or integrated), a reward, and the gradient of the expected reward,
worked out exactly. `measure` runs an estimator on it many times and says what comes out: direction, scale, bias,
variance, cost.
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
from textgan.testing.exact_gradient import exact_gradient, flat
from textgan.testing.fixtures import GaussianCodes, SquaredDistance, TabularGenerator, TabularReward, tiny_vocabulary
from textgan.core.types import Batch, Vocabulary

CERTAIN = 1e-4
"""A gradient counts as biased where chance alone would come so far from the true one less often than this."""


@dataclass(frozen=True)
class Problem:
    """A generator, a reward, and the true gradient of the expected reward over the generator's parameters.

    Args:
        name: "sequence rewards", for people.
        granularity: what the reward judges, "sequence" or "token".
        vocab: words; those of a problem of codes are not read.
        length: positions.
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
    """An estimator's gradient beside the true one g. Numbers relative to |g|² do not depend on the reward's unit.

    Args:
        cosine: of the mean gradient and g; 1 is the same direction.
        scale: of the mean gradient along g; 1 is the true length.
        bias2: |mean - g|² / |g|², without what chance adds to it (so it may fall a little below 0).
        variance: trace of the gradient's covariance, for one sequence, / |g|².
        tokens: tokens that the generator read for each sequence: the cost, whatever the machine.
        microseconds: for each sequence, on this machine.
        chance: probability that an unbiased gradient would be as far off in its worst parameter, by a t-test with
            Bonferroni's correction.
    """

    problem: str
    cosine: float
    scale: float
    bias2: float
    variance: float
    tokens: float
    microseconds: float
    chance: float

    @property
    def biased(self) -> bool:
        return self.chance < CERTAIN


def problems(words: int = 3, length: int = 4) -> Iterator[Problem]:
    """Rewards of sequences that end and that do not, rewards of tokens, and a reward of latent codes.

    Raises:
        ValueError: if there are too many sequences to enumerate.
    """
    for name, end, per_token in (
        ("sequence rewards", False, False),
        ("sequence rewards, words that end", True, False),
        ("token rewards, words that end", True, True),
    ):
        vocab = tiny_vocabulary(words, end)
        generator = TabularGenerator(vocab, length)
        reward = TabularReward(vocab, length, per_token)
        true = exact_gradient(generator, reward, vocab, length)
        yield Problem(name, "token" if per_token else "sequence", generator, reward, true, vocab, length)
    codes, distance = GaussianCodes(words), SquaredDistance(words)
    yield Problem(
        "latent codes", "sequence", codes, distance, codes.exact(distance.target), tiny_vocabulary(words), length
    )


def fits(estimator: Any, problem: Problem) -> bool:
    """Whether an estimator (or its traits) can be tried on a problem."""
    makes, offers = problem.generator.sample_space, problem.generator.capabilities
    return estimator.mode in makes and estimator.requires <= offers and problem.granularity in estimator.reward_granularity


def measure(
    make: Callable[[Problem], Estimator], problem: Problem, rows: int = 1000, repeats: int = 40, seed: int = 0
) -> Measured:
    """Runs an estimator on a problem.

    A critic is trained before, for 200 steps, so that its estimator is seen as it is in the middle of a run.

    Args:
        make: problem -> a fresh estimator for its generator.
        rows, repeats: sequences a batch, and batches. The mean is over repeats, the variance between them.
    """
    torch.manual_seed(seed)
    estimator, batch = make(problem), Batch.blank(rows, problem.length)
    _train_critic(estimator, problem, batch)
    counter = _Counter(problem.generator)
    began = time.perf_counter()
    each = torch.stack([_gradient(estimator, problem, batch) for _ in range(repeats)]).double()  # [repeats,P]
    seconds = time.perf_counter() - began
    tokens = counter.stop()
    true = problem.gradient.double()
    mean, variance = each.mean(0), each.var(0)  # [P]
    length2, distance2 = true.square().sum(), (mean - true).square().sum()
    return Measured(
        problem=problem.name,
        cosine=torch.cosine_similarity(mean, true, dim=0).item(),
        scale=(mean @ true / length2).item(),
        bias2=((distance2 - variance.sum() / repeats) / length2).item(),
        variance=(variance.sum() * rows / length2).item(),
        tokens=tokens / (rows * repeats),
        microseconds=1e6 * seconds / (rows * repeats),
        chance=_chance(mean - true, variance / repeats, repeats - 1),
    )


def _gradient(estimator: Estimator, problem: Problem, batch: Batch) -> Tensor:
    """The mean over its steps of what it would move the generator by, up the reward, [P]."""
    found = []
    for loss in estimator.losses(problem.generator, problem.reward, batch):
        problem.generator.zero_grad()
        loss.value.backward()
        found.append(-flat(problem.generator))
    return torch.stack(found).mean(0)


def _chance(difference: Tensor, variance: Tensor, freedom: int) -> float:
    rounding = 1e-6 * difference.abs().max().clamp_min(1e-6)
    t = difference.abs() / (variance.sqrt() + rounding)
    return min(1.0, float(stats.t.sf(t.max().item(), freedom)) * 2 * len(t))


def _train_critic(estimator: Estimator, problem: Problem, batch: Batch, steps: int = 200) -> None:
    own = [p for p in estimator.parameters() if p.requires_grad]
    if not own:
        return
    optimizer = torch.optim.Adam(own, 1e-2)
    few = batch[:200]
    for _ in range(steps):
        for loss in estimator.losses(problem.generator, problem.reward, few):
            optimizer.zero_grad()
            loss.value.backward()
            optimizer.step()


class _Counter:
    """Counts the tokens that a generator reads, or the codes that it makes, until it is stopped."""

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
