"""The path gradient of samples that are a smooth function of noise: an ordinary GAN's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from textgan.estimators import returns
from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss


class Pathwise(Estimator):
    """Follows the reward's gradient through the samples back to the generator.

    For generators whose samples are a differentiable function of noise, y = G(z), so that
    grad E[R(y)] = E[grad R(G(z))]: the reparameterisation trick, and an ordinary GAN's gradient (Goodfellow et al.
    2014, arXiv:1406.2661). Summed over the verdicts that count, averaged over sequences. Words are no such function;
    for them there are score-function estimators and relaxations.
    """

    mode: ClassVar[Literal["score", "path"]] = "path"
    requires: ClassVar[frozenset[str]] = frozenset({"noise"})
    unbiased: ClassVar[bool] = True

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        samples = generator.sample(batch)
        yield returns.path_gradient(samples, reward(samples))
