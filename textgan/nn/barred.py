"""Words that no generator may draw, as something to add to its logits."""

from __future__ import annotations

import torch
from torch import Tensor

from textgan.types import Vocabulary

NEVER = -1e4
"""Added to the logits of ids that must not be drawn: a probability of zero whose gradient is no NaN."""


def barred(vocab: Vocabulary) -> Tensor:
    """NEVER for the ids that the vocabulary bars, 0 for all others, [V]."""
    found = torch.zeros(vocab.size)
    found[list(vocab.never)] = NEVER
    return found
