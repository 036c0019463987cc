"""Computes the cross-entropy of a linear layer's logits without holding the logits of all rows.

The forward pass needs only the log of the softmax's denominator, which the sampling kernel computes. The backward pass
recomputes the logits in chunks. A compiled backward pass was tried and removed: it did not make the training step of
any bundled recipe more than 1.25 times as fast (see the results page on performance).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from textgan.ops.device import describe


def linear_cross_entropy(
    features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, log_normalizer: Callable[[Tensor], Tensor]
) -> Tensor:
    """Computes -log softmax(features @ weight.T + bias)[tokens] of each row, [R]. Differentiable once.

    Args:
        features: [R,H].
        weight: [V,H].
        bias: [V].
        tokens: [R] long.
        log_normalizer: log sum_v exp(logit_v) of rows of features, [R,H] -> [R], without gradients.
    """
    nll: Tensor = _LinearCrossEntropy.apply(features, weight, bias, tokens, log_normalizer)  # type: ignore[no-untyped-call]
    return nll


class _LinearCrossEntropy(torch.autograd.Function):
    """Computes the log-normalizer minus the token's logit."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        tokens: Tensor,
        log_normalizer: Callable[[Tensor], Tensor],
    ) -> Tensor:
        norm = log_normalizer(features)
        ctx.save_for_backward(features, weight, bias, tokens, norm)
        nll: Tensor = norm - (features * weight[tokens]).sum(1) - bias[tokens]
        return nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        features, weight, bias, tokens, norm = ctx.saved_tensors
        to_features, to_weight, to_bias = log_normalizer_backward(features, weight, bias, norm, grad)
        scale = grad.unsqueeze(1)
        to_features.sub_(weight[tokens] * scale)
        to_weight.index_add_(0, tokens, features * scale, alpha=-1)
        to_bias.index_add_(0, tokens, grad, alpha=-1)
        return to_features, to_weight, to_bias, None, None


def log_normalizer_backward(
    features: Tensor, weight: Tensor, bias: Tensor, norm: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of sum(grad * norm) for features [R,H], weight [V,H] and bias [V], as new tensors.

    Recomputes the logits in chunks, which is faster than storing and loading them. Only matrix products and one
    exponential touch [r,V]: the bias and the normalizer are two more columns of the weights.

    Args:
        features: [R,H].
        weight: [V,H].
        bias: [V].
        norm: the log-normalizers of these rows, [R].
        grad: [R].
    """
    ones = torch.ones_like(norm).unsqueeze(1)
    extended = torch.cat([features, ones, -norm.unsqueeze(1)], 1)  # [R,H+2]
    wide = torch.cat([weight, bias.unsqueeze(1), torch.ones_like(bias).unsqueeze(1)], 1).t().contiguous()  # [H+2,V]
    scaled = extended[:, :-1] * grad.unsqueeze(1)  # [R,H+1]
    to_wide = weight.new_zeros(scaled.shape[1], len(weight))  # [H+1,V]
    to_features = torch.empty_like(features)
    rows = max(1, describe(features.device).max_logits // len(weight))
    for first in range(0, len(features), rows):
        chunk = slice(first, first + rows)
        probability = (extended[chunk] @ wide).exp_()  # [r,V]
        torch.mm(probability, weight, out=to_features[chunk])
        to_wide.addmm_(scaled[chunk].t(), probability)
    to_weight = to_wide.t().contiguous()
    return to_features.mul_(grad.unsqueeze(1)), to_weight[:, :-1], to_weight[:, -1]
