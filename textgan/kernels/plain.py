"""Gradients of a linear layer's normaliser by products of matrices, where no kernel finds them."""

from __future__ import annotations

import torch
from torch import Tensor


def gradients(
    features: Tensor, weight: Tensor, bias: Tensor, norm: Tensor, grad: Tensor, at_once: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of sum of grad [R] * norm [R], the normaliser: to features [R,H], weight [V,H] and bias [V].

    The logits are made again, `at_once` at a time, which is quicker than to write and read them. Nothing but
    products and one exponential touches all of [r,V]: the bias is one more column of the weights, the normaliser
    another, and rows are scaled before or behind the products.
    """
    ones = torch.ones_like(norm).unsqueeze(1)
    known = torch.cat([features, ones, -norm.unsqueeze(1)], 1)  # [R,H+2]
    wide = torch.cat([weight, bias.unsqueeze(1), torch.ones_like(bias).unsqueeze(1)], 1).t().contiguous()  # [H+2,V]
    scaled = known[:, :-1] * grad.unsqueeze(1)  # [R,H+1]
    to_wide = weight.new_zeros(scaled.shape[1], len(weight))  # [H+1,V]
    to_features = torch.empty_like(features)
    rows = max(1, at_once // len(weight))
    for first in range(0, len(features), rows):
        here = slice(first, first + rows)
        probability = (known[here] @ wide).exp_()  # [r,V]
        torch.mm(probability, weight, out=to_features[here])
        to_wide.addmm_(scaled[here].t(), probability)
    to_weight = to_wide.t().contiguous()
    return to_features.mul_(grad.unsqueeze(1)), to_weight[:, :-1], to_weight[:, -1]
