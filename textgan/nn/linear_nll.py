"""A linear layer and the cross-entropy behind it in one, so that logits of all rows are never held together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from textgan.devices import describe


def linear_nll(features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    """-log softmax(features weight^T + bias) at tokens. [R,H], [V,H], [V], [R] -> [R]. Has one derivative."""
    found: Tensor = _LinearNll.apply(features, weight, bias, tokens)  # type: ignore[no-untyped-call]
    return found


class _LinearNll(torch.autograd.Function):
    """Logits are made a cache-full at a time, forward and once more backward: quicker than to write and read them."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
        normaliser, own = torch.empty_like(features[:, 0]), torch.empty_like(features[:, 0])
        for rows in _pieces(features, weight):
            logits = functional.linear(features[rows], weight, bias)  # [r,V]
            own[rows] = logits.gather(1, tokens[rows].unsqueeze(1)).squeeze(1)
            normaliser[rows] = logits.logsumexp(1)
        ctx.save_for_backward(features, weight, bias, tokens, normaliser)
        return normaliser - own

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        features, weight, bias, tokens, normaliser = ctx.saved_tensors
        to_features, to_weight, to_bias = torch.empty_like(features), torch.zeros_like(weight), torch.zeros_like(bias)
        for rows in _pieces(features, weight):
            scale = grad[rows].unsqueeze(1)  # [r,1]
            slope = torch.addmm(bias, features[rows], weight.t()).sub_(normaliser[rows].unsqueeze(1)).exp_()
            slope.mul_(scale).scatter_add_(1, tokens[rows].unsqueeze(1), -scale)  # [r,V], d loss / d logits
            torch.mm(slope, weight, out=to_features[rows])
            to_weight.addmm_(slope.t(), features[rows])
            to_bias += slope.sum(0)
        return to_features, to_weight, to_bias, None


def _pieces(features: Tensor, weight: Tensor) -> list[slice]:
    most = max(1, describe(features.device).logits // len(weight))
    return [slice(first, first + most) for first in range(0, len(features), most)]
