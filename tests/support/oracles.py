"""Weights of a small LSTM oracle."""

from __future__ import annotations

import numpy as np

from textgan.data.sources.oracle_weights import shapes


def arrays(size: int = 4, embed_dim: int = 2, hidden_dim: int = 3) -> dict[str, np.ndarray]:
    """Returns the arrays of a file of weights."""
    rng = np.random.default_rng(1)
    return {
        name: rng.standard_normal(shape).astype(np.float32)
        for name, shape in shapes(size, embed_dim, hidden_dim).items()
    }
