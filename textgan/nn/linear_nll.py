"""A linear layer and the cross-entropy behind it in one, so that logits of all rows are never held together."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Normaliser(Protocol):
    """The log of the sum of all exponentiated logits of a linear layer, and what it passes back."""

    def normaliser(self, features: Tensor, /) -> Tensor:
        """[R,H] -> [R]"""

    def gradients(self, features: Tensor, norm: Tensor, grad: Tensor, /) -> tuple[Tensor, Tensor, Tensor]:
        """Of the sum of grad [R] * norm [R], the normaliser: to features [R,H], weight [V,H] and bias [V], all new."""


def linear_nll(features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, by: Normaliser) -> Tensor:
    """-log softmax(features weight^T + bias) at tokens, [R]. Has one derivative.

    Args:
        features: [R,H].
        weight, bias: [V,H], [V].
        tokens: [R] long.
        by: that of this weight and bias.
    """
    found: Tensor = _LinearNll.apply(features, weight, bias, tokens, by)  # type: ignore[no-untyped-call]
    return found


class _LinearNll(torch.autograd.Function):
    """The normaliser less the token's own logit."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, by: Normaliser) -> Tensor:
        norm = by.normaliser(features)
        ctx.save_for_backward(features, weight, tokens, norm)
        ctx.by = by
        found: Tensor = norm - (features * weight[tokens]).sum(1) - bias[tokens]
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        features, weight, tokens, norm = ctx.saved_tensors
        to_features, to_weight, to_bias = ctx.by.gradients(features, norm, grad)
        each = grad.unsqueeze(1)
        to_features.sub_(weight[tokens] * each)
        to_weight.index_add_(0, tokens, features * each, alpha=-1)
        to_bias.index_add_(0, tokens, grad, alpha=-1)
        return to_features, to_weight, to_bias, None, None
