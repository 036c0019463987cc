"""Masks the logits of tokens that a generator must not produce."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.core.types import Vocabulary

FORBIDDEN = -1e4
"""Added to the logits of forbidden ids: their probability is zero, and no gradient becomes NaN."""


def logit_mask(vocab: Vocabulary) -> Tensor:
    """Returns what to add to the logits: `FORBIDDEN` for the vocabulary's forbidden ids, 0 for all others, [V]."""
    mask = torch.zeros(vocab.size)
    mask[list(vocab.forbidden_ids)] = FORBIDDEN
    return mask
