"""Whether sentences survive the way through a generator's codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from textgan.generation.token_samplers import greedy
from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.metrics.base import Evaluation, Metric
from textgan.core.types import Batch

ROWS = 1000
"""Sentences that are encoded and written at once."""


class Reconstruction(Metric):
    """How much of a held-out sentence comes back from its code, when the likeliest word is written each time.

    - `reconstructed`: share of the test split's sentences that come back word for word, 0 to 1, higher is better.
    - `reconstructed_tokens`: share of their tokens, the end included, that stand in the same place again. A word that
      no generator may say is shown and not counted.

    What an autoencoder cannot bring back, a generator of its codes cannot write. A VAE pays for smooth codes with
    sentences that do not come back, so there it is a sign of how much the code is used, and no goal by itself.

    Args:
        limit: use only that many sentences, the first of the split.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"codes"})

    def __init__(self, *, limit: PositiveInt | None = 2000) -> None:
        self.limit = limit

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        batch = evaluation.corpus.test.batch[: self.limit]
        if not len(batch):
            raise UserError("reconstruction looks at the test split, which is empty; give the data a test split")
        generator = evaluation.generator
        device = next(generator.parameters()).device
        right: list[Tensor] = []
        for start in range(0, len(batch), ROWS):
            piece = batch[start : start + ROWS].to(device)
            shown = Batch(piece.tokens * piece.given, torch.ones_like(piece.valid), piece.given)
            written = generator.decode_codes(generator.encode(piece), shown, greedy)
            right.append(((written.x == piece.tokens) & written.valid).cpu())
        same, counts = torch.cat(right), batch.valid & ~batch.given
        return {
            "reconstructed": float((same | ~counts).all(1).double().mean()),
            "reconstructed_tokens": float(same[counts].double().mean()),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"reconstructed": "higher", "reconstructed_tokens": "higher"}
