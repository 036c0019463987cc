"""What PyTorch does for words as well as any kernel, for those that have a kernel for the rest and those without."""

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


def block_of(cdf: Tensor, chance: Tensor) -> tuple[Tensor, Tensor]:
    """The block that a chance falls into, and how far inside: block [R,1] and what is left of its weight [R,1].

    Args:
        cdf: cumulative sums of what blocks weigh, [R,blocks].
        chance: [R,1] in [0, 1).
    """
    target = chance * cdf[:, -1:]
    last = (cdf < cdf[:, -1:]).sum(1, keepdim=True)  # where rounding leaves none above, the last block that weighs
    block = torch.minimum(torch.searchsorted(cdf, target, right=True), last)
    before = torch.where(block > 0, cdf.gather(1, (block - 1).clamp_min(0)), 0.0)
    return block, target - before
