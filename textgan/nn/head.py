"""How a generator's features become words: logits, draws and likelihoods, fused where the last layer is linear."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from textgan.devices import describe
from textgan.draws import in_pieces, inverse_cdf, two_level
from textgan.kernels.plain import gradients
from textgan.kernels.words import WordKernel
from textgan.nn.linear_nll import linear_nll

SAFE = 60.0
"""Logits up to that size can be exponentiated as they are: sums of float32 neither overflow nor vanish."""


class LogitsHead:
    """Any function from features [...,H] to logits [...,V].

    Args:
        logits: the function.
        size: V.
    """

    def __init__(self, logits: Callable[[Tensor], Tensor], size: int) -> None:
        self._logits, self.size = logits, size

    def __call__(self, features: Tensor) -> Tensor:
        return self._logits(features)

    def draw(self, features: Tensor) -> Tensor:
        return in_pieces(self, features, inverse_cdf)

    def nll(self, features: Tensor, tokens: Tensor) -> Tensor:
        return functional.cross_entropy(self(features), tokens, reduction="none")

    def tempered(self, temperature: float) -> LogitsHead:
        return LogitsHead(lambda features: self._logits(features) / temperature, self.size)


class LinearHead:
    """A linear layer to the words: weight [V,H], bias [V]. What can be fused with it is.

    Make it anew whenever the parameters may have changed: it keeps what it has worked out of them.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = weight, bias
        self.size = len(weight)
        self._at: dict[float, LinearHead] = {}

    def __call__(self, features: Tensor) -> Tensor:
        return functional.linear(features, self.weight, self.bias)

    @torch.no_grad()
    def draw(self, features: Tensor) -> Tensor:
        safe = self._is_safe(features)
        if self._kernel is not None:
            chance = torch.rand(len(features), dtype=features.dtype, device=features.device)
            return self._kernel.draw(features, chance, not safe)
        return in_pieces(self, features, _of_own_safe if safe else _of_own)

    def nll(self, features: Tensor, tokens: Tensor) -> Tensor:
        return linear_nll(features, self.weight, self.bias, tokens, self)

    def tempered(self, temperature: float) -> LinearHead:
        if temperature not in self._at:
            self._at[temperature] = LinearHead(self.weight / temperature, self.bias / temperature)
        return self._at[temperature]

    @cached_property
    def _kernel(self) -> WordKernel | None:
        """The same in a kernel, where the device has one."""
        made = describe(self.weight.device).words()
        if made is None or self.weight.dtype != torch.float32:
            return None
        return made(self.weight.detach(), self.bias.detach())

    def normaliser(self, features: Tensor) -> Tensor:
        """The log of the sum of all exponentiated logits, [R,H] -> [R]."""
        if self._kernel is not None:
            return self._kernel.normaliser(features, not self._is_safe(features))
        return in_pieces(self, features, lambda logits: logits.logsumexp(1))

    def gradients(self, features: Tensor, norm: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What grad * normaliser passes back, norm being the normaliser: to features, weight and bias."""
        if self._kernel is not None:
            return self._kernel.gradients(features, norm, grad)
        return gradients(features, self.weight, self.bias, norm, grad, describe(features.device).logits)

    def _is_safe(self, features: Tensor) -> bool:
        """Whether no logit of these rows, those of barred words aside, is larger in size than `SAFE`, for certain.

        No is always an answer; where a look at values has its price, it is the only one.
        """
        if describe(features.device).waits or not len(features):
            return False
        longest, furthest = self._sizes
        return float(torch.linalg.vector_norm(features, dim=1).amax()) * longest + furthest < SAFE

    @cached_property
    def _sizes(self) -> tuple[float, float]:
        """The norm of the longest of the words' vectors, and the largest size of a bias that bars no word."""
        size = self.bias.detach().abs()
        longest = torch.linalg.vector_norm(self.weight.detach(), dim=1).amax()
        return float(longest), float(torch.where(size > SAFE**2, 0.0, size).amax())


def _of_own(logits: Tensor) -> Tensor:
    """As `inverse_cdf`, of logits that nobody else will look at."""
    return two_level(logits.sub_(logits.amax(1, keepdim=True)).exp_())


def _of_own_safe(logits: Tensor) -> Tensor:
    """As `_of_own`, of logits that are known to be small."""
    return two_level(logits.exp_())
