"""The pathwise gradient of samples that are a smooth function of noise, as in an ordinary GAN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from textgan.core.roles import Estimator, Generator, RewardFn
from textgan.core.types import Batch, Loss
from textgan.estimators import returns


class Pathwise(Estimator):
    """Backpropagates the reward through the samples to the generator.

    For generators whose samples are a differentiable function of noise, y = G(z), so that
    grad E[R(y)] = E[grad R(G(z))]: the reparameterisation trick, and an ordinary GAN's gradient (Goodfellow et al.
    2014, arXiv:1406.2661). Rewards are summed over the tokens that count and averaged over sequences. Discrete tokens
    are not a differentiable function of noise; for them there are score-function estimators and relaxations.
    """

    mode: ClassVar[Literal["score", "path"]] = "path"
    requires: ClassVar[frozenset[str]] = frozenset({"noise"})
    unbiased: ClassVar[bool] = True

    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        samples = generator.sample(batch)
        yield returns.path_gradient(samples, reward(samples))
