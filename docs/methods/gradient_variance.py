"""Measures the variance of the estimators' gradients on a real problem, with one generator and one discriminator.

    python docs/methods/gradient_variance.py

Both are pre-trained as in the recipe `seqgan` and then fixed. A critic is fitted to them first. Then each estimator
computes 20 gradients of 512 sequences each, without clipping. The true gradient g is unknown here; its estimate is the
mean over all batches of all unbiased estimators, weighted by their precision.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from textgan import recipe
from textgan.estimators.actor_critic import ActorCritic
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.roles import Estimator
from textgan.runs.builder import Run, build
from textgan.testing import flat
from textgan.training.loop import train
from textgan.types import Batch, Samples

ROWS, REPEATS, CRITIC_STEPS = 512, 20, 300


@dataclass(frozen=True)
class Measured:
    """One estimator's gradients: their mean [P], the trace of their covariance, and seconds per gradient."""

    mean: Tensor
    variance: float
    seconds: float


def measure(estimator: Estimator, run: Run) -> Measured:
    each, started = [], time.perf_counter()
    for _ in range(REPEATS):
        (loss,) = estimator.losses(run.generator, reward_of(run), Batch.blank(ROWS, run.corpus.max_len))
        run.generator.zero_grad()
        loss.value.backward()
        each.append(-flat(run.generator))
    seconds = (time.perf_counter() - started) / REPEATS
    gradients = torch.stack(each).double()  # [REPEATS,P]
    return Measured(gradients.mean(0), float(gradients.var(0).sum()), seconds)


def fit(critic: ActorCritic, run: Run) -> float:
    """Trains a critic alone; returns the share of the returns' variance that it explains at the end."""
    optimizer, explained = torch.optim.Adam(critic.parameters(), 5e-3), []
    for _ in range(CRITIC_STEPS):
        (loss,) = critic.losses(run.generator, reward_of(run), Batch.blank(ROWS, run.corpus.max_len))
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        explained.append(float(loss.stats["explained_variance"]))
    return sum(explained[-20:]) / 20


def reward_of(run: Run):  # type: ignore[no-untyped-def]
    reward = run.shared["reward"]

    def of_fake(fake: Samples) -> Tensor:
        return reward(fake, fake)  # type: ignore[no-any-return]  # this loss needs no real text for its reward

    return of_fake


def main(seed: int = 0) -> None:
    torch.manual_seed(seed)
    run = build(recipe.load("seqgan", [f"seed={seed}", "phases.adversarial=null", "controls=null"]))
    for result in train(run.phases, run.batches):
        for callback in run.callbacks:
            callback(result)
    critic = ActorCritic(run.corpus.vocab)
    print(f"the critic explains {fit(critic, run):.0%} of the variance of the returns\n")
    estimators: dict[str, Estimator] = {
        "reinforce, no baseline": Reinforce(baseline="none"),
        "reinforce": Reinforce(),
        "actor_critic": critic,
        **{f"rollout, N = {n}": Rollout(run.generator, n) for n in (1, 2, 4, 16)},
    }
    found = {name: measure(estimator, run) for name, estimator in estimators.items()}
    precision = sum(REPEATS / m.variance for m in found.values())
    g = sum((m.mean * (REPEATS / m.variance / precision) for m in found.values()), torch.zeros(()))
    length2 = float(g.square().sum()) - 1 / precision  # without the contribution of sampling noise
    for decay in (0.95, 0.8, 0.5, 0.0):
        critic.gae_lambda = decay
        found[f"actor_critic, gae_lambda {decay}"] = measure(critic, run)
    print(f"{'':30} {'variance/|g|²':>14} {'cosine of the mean':>19} {'seconds':>8}")
    for name, m in found.items():
        cosine = float(torch.cosine_similarity(m.mean, g, dim=0))
        print(f"{name:30} {m.variance / length2:14.2f} {cosine:19.3f} {m.seconds:8.3f}")


if __name__ == "__main__":
    main()
