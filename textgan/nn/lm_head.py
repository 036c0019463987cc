"""Turns a generator's features into tokens: logits, samples and likelihoods, fused where the last layer is linear."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from textgan.ops.categorical import in_chunks, inverse_cdf
from textgan.ops.device import describe
from textgan.ops.linear_cross_entropy import linear_cross_entropy
from textgan.ops.linear_sample import LinearKernel, find_kernel, linear_sample, log_normalizer

SAFE = 60.0
"""Logits up to this magnitude can be exponentiated as they are: sums in float32 neither overflow nor vanish."""


class LogitsHead:
    """A head from any function of features [...,H] to logits [...,V].

    Args:
        logits: the function.
        size: V.
    """

    def __init__(self, logits: Callable[[Tensor], Tensor], size: int) -> None:
        self._logits, self.size = logits, size

    def __call__(self, features: Tensor) -> Tensor:
        return self._logits(features)

    def sample(self, features: Tensor) -> Tensor:
        return in_chunks(lambda rows: inverse_cdf(self(rows)), features, self.size)

    def nll(self, features: Tensor, tokens: Tensor) -> Tensor:
        return functional.cross_entropy(self(features), tokens, reduction="none")

    def tempered(self, temperature: float) -> LogitsHead:
        return LogitsHead(lambda features: self._logits(features) / temperature, self.size)


class LinearHead:
    """A head that is a linear layer, weight [V,H] and bias [V], fused with sampling and cross-entropy.

    Create a new one whenever the parameters may have changed: it caches what it derives from them.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = weight, bias
        self.size = len(weight)
        self._at: dict[float, LinearHead] = {}

    def __call__(self, features: Tensor) -> Tensor:
        return functional.linear(features, self.weight, self.bias)

    @torch.no_grad()
    def sample(self, features: Tensor) -> Tensor:
        return linear_sample(features, self.weight, self.bias, self._kernel, self._is_safe(features))

    def nll(self, features: Tensor, tokens: Tensor) -> Tensor:
        return linear_cross_entropy(features, self.weight, self.bias, tokens, self.log_normalizer)

    def tempered(self, temperature: float) -> LinearHead:
        if temperature not in self._at:
            self._at[temperature] = LinearHead(self.weight / temperature, self.bias / temperature)
        return self._at[temperature]

    def log_normalizer(self, features: Tensor) -> Tensor:
        """Computes the log of the softmax's denominator, [R,H] -> [R]."""
        return log_normalizer(features, self.weight, self.bias, self._kernel, self._is_safe(features))

    @cached_property
    def _kernel(self) -> LinearKernel | None:
        return find_kernel(self.weight, self.bias)

    def _is_safe(self, features: Tensor) -> bool:
        """Returns whether no logit of these rows, forbidden tokens aside, can exceed `SAFE` in magnitude.

        False is always correct; on a device where reading a value synchronises, it is the only answer.
        """
        if describe(features.device).is_async or not len(features):
            return False
        longest, furthest = self._norms
        return float(torch.linalg.vector_norm(features, dim=1).amax()) * longest + furthest < SAFE

    @cached_property
    def _norms(self) -> tuple[float, float]:
        """The largest norm of a token's weights, and the largest magnitude of a bias that forbids no token."""
        size = self.bias.detach().abs()
        longest = torch.linalg.vector_norm(self.weight.detach(), dim=1).amax()
        return float(longest), float(torch.where(size > SAFE**2, 0.0, size).amax())
