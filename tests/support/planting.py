"""Simulates the measurements of a model of known quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Values = Callable[[int], Sequence[Mapping[str, float]]]
"""Seed -> measurements at each temperature."""


def curve(
    quality: float,
    diversity: float = 0.0,
    unique: float = 0.9,
    entropy: float = 2.0,
    noise: Callable[[int], float] = lambda s: 0.0,
) -> Values:
    """Returns measurements of a model of this quality: with temperature, quality falls and diversity rises."""

    def points(seed: int) -> list[dict[str, float]]:
        shift = noise(seed)
        return [
            {
                "temperature": t,
                "bleu4": 0.5 - 0.2 * t + quality + shift,
                "self_bleu4": 0.9 - 0.4 * t - diversity,
                "nll_test": 4.0 - t - diversity,
                "unique": unique,
                "entropy": entropy,
            }
            for t in (0.7, 1.0)
        ]

    return points
