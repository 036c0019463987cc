"""Reconstruction of sentences from a generator's codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from textgan.core.options import PositiveInt
from textgan.core.types import Batch
from textgan.generation.token_samplers import greedy
from textgan.metrics.base import Evaluation, Metric, nonempty_split

ROWS = 1000
"""Sentences that are encoded and decoded at once."""


class Reconstruction(Metric):
    """Computes how much of a held-out sentence greedy decoding recovers from its code.

    - `reconstructed`: share of the test split's sentences that are recovered word for word, 0 to 1, higher is better.
    - `reconstructed_tokens`: share of their tokens, the end included, that are at the same position again, 0 to 1,
      higher is better. A token that generators may not produce is shown and not counted.

    A generator of codes cannot produce a sentence that its autoencoder cannot reconstruct. A VAE trades reconstruction
    for smooth codes, so there it indicates how much the code is used and is not a goal by itself.

    Args:
        limit: use only that many sentences, the first of the split.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"codes"})

    def __init__(self, *, limit: PositiveInt | None = 2000) -> None:
        self.limit = limit

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        batch = nonempty_split(evaluation.corpus, "test", "reconstruction").batch[: self.limit]
        generator = evaluation.generator
        device = next(generator.parameters()).device
        matches: list[Tensor] = []
        for start in range(0, len(batch), ROWS):
            piece = batch[start : start + ROWS].to(device)
            given = Batch(piece.tokens * piece.given, torch.ones_like(piece.valid), piece.given)
            decoded = generator.decode_codes(generator.encode(piece), given, greedy)
            matches.append(((decoded.x == piece.tokens) & decoded.valid).cpu())
        same, counted = torch.cat(matches), batch.valid & ~batch.given
        return {
            "reconstructed": float((same | ~counted).all(1).double().mean()),
            "reconstructed_tokens": float(same[counted].double().mean()),
        }

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"reconstructed": "higher", "reconstructed_tokens": "higher"}
