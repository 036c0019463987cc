"""A linear layer and the cross-entropy behind it in one, so that logits of all rows are never held together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from textgan.devices import describe


def linear_nll(
    features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, normaliser: Callable[[Tensor], Tensor]
) -> Tensor:
    """-log softmax(features weight^T + bias) at tokens, [R]. Has one derivative.

    Args:
        features: [R,H].
        weight, bias: [V,H], [V].
        tokens: [R] long.
        normaliser: the log of the sum of all exponentiated logits, [R,H] -> [R]; called without gradients.
    """
    found: Tensor = _LinearNll.apply(features, weight, bias, tokens, normaliser)  # type: ignore[no-untyped-call]
    return found


class _LinearNll(torch.autograd.Function):
    """Backward makes the logits again, a cache-full at a time, which is quicker than to write and read them.

    Nothing but products and one exponential touches all of [r,V]: the bias is one more column of the weights, the
    normaliser another, and rows are scaled before or behind the products.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor, normaliser: Any) -> Tensor:
        norm = normaliser(features)
        ctx.save_for_backward(features, weight, bias, tokens, norm)
        found: Tensor = norm - (features * weight[tokens]).sum(1) - bias[tokens]
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        features, weight, bias, tokens, norm = ctx.saved_tensors
        ones = torch.ones_like(norm).unsqueeze(1)
        known = torch.cat([features, ones, -norm.unsqueeze(1)], 1)  # [R,H+2]
        wide = torch.cat([weight, bias.unsqueeze(1), torch.ones_like(bias).unsqueeze(1)], 1).t().contiguous()  # [H+2,V]
        scaled = known[:, :-1] * grad.unsqueeze(1)  # [R,H+1]
        to_wide = weight.new_zeros(scaled.shape[1], len(weight))  # [H+1,V]
        to_features = torch.empty_like(features)
        rows = max(1, describe(features.device).logits // len(weight))
        for first in range(0, len(features), rows):
            here = slice(first, first + rows)
            probability = (known[here] @ wide).exp_()  # [r,V]
            torch.mm(probability, weight, out=to_features[here])
            to_wide.addmm_(scaled[here].t(), probability)
        to_features.sub_(weight[tokens]).mul_(grad.unsqueeze(1))
        to_weight = to_wide.t().contiguous()
        to_weight.index_add_(0, tokens, scaled, alpha=-1)
        return to_features, to_weight[:, :-1], to_weight[:, -1], None, None
