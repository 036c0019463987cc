"""Computes logits, samples and likelihoods from a generator's features, fused if the last layer is linear."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from textgan.ops.categorical import in_chunks, inverse_cdf
from textgan.ops.device import describe
from textgan.ops.linear_cross_entropy import linear_cross_entropy
from textgan.ops.linear_kernel import find_kernel
from textgan.ops.linear_sample import LinearKernel, linear_sample, log_normalizer

SAFE = 60.0
"""Logits up to this magnitude can be exponentiated without a shift: sums in float32 neither overflow nor underflow."""


class LogitsHead:
    """A head that is any function of features [...,H] to logits [...,V].

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

    It caches values that it derives from the parameters. Create a new head whenever they may have changed.

    Args:
        weight: [V,H].
        bias: [V].
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = weight, bias
        self.size = len(weight)
        self._tempered: dict[float, LinearHead] = {}

    def __call__(self, features: Tensor) -> Tensor:
        return functional.linear(features, self.weight, self.bias)

    @torch.no_grad()
    def sample(self, features: Tensor) -> Tensor:
        return linear_sample(features, self.weight, self.bias, self._kernel, self._is_safe(features))

    def nll(self, features: Tensor, tokens: Tensor) -> Tensor:
        return linear_cross_entropy(features, self.weight, self.bias, tokens, self.log_normalizer)

    def tempered(self, temperature: float) -> LinearHead:
        if temperature not in self._tempered:
            self._tempered[temperature] = LinearHead(self.weight / temperature, self.bias / temperature)
        return self._tempered[temperature]

    def log_normalizer(self, features: Tensor) -> Tensor:
        """Computes the log of the softmax's denominator, [R,H] -> [R]."""
        return log_normalizer(features, self.weight, self.bias, self._kernel, self._is_safe(features))

    @cached_property
    def _kernel(self) -> LinearKernel | None:
        return find_kernel(self.weight, self.bias)

    def _is_safe(self, features: Tensor) -> bool:
        """Returns whether no logit of these rows, forbidden tokens aside, can exceed `SAFE` in magnitude.

        False is always correct, and always returned on devices where reading a value would synchronise.
        """
        if describe(features.device).is_async or not len(features):
            return False
        weight_norm, largest_bias = self._norms
        return float(torch.linalg.vector_norm(features, dim=1).amax()) * weight_norm + largest_bias < SAFE

    @cached_property
    def _norms(self) -> tuple[float, float]:
        """The largest norm of a token's weights, and the largest magnitude of a bias that does not forbid its token."""
        magnitude = self.bias.detach().abs()
        weight_norm = torch.linalg.vector_norm(self.weight.detach(), dim=1).amax()
        return float(weight_norm), float(torch.where(magnitude > SAFE**2, 0.0, magnitude).amax())
