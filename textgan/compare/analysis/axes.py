"""The axes of a comparison: one quality metric and one diversity metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from textgan.compare.analysis.frontier import Frontier
from textgan.core.errors import UserError

AXES = (
    ("nll_oracle", "nll_test"),
    ("nll_oracle", "reverse_lm_score"),
    ("nll_oracle", "self_bleu4"),
    ("lm_score", "nll_test"),
    ("lm_score", "reverse_lm_score"),
    ("bleu4", "nll_test"),
    ("bleu4", "self_bleu4"),
)
"""Pairs of a quality and a diversity metric, in order of preference."""
HIGHER = frozenset({"bleu2", "bleu3", "bleu4", "bleu5"})
"""Metrics of the axes for which higher is better. All others are losses or similarities among samples."""

Runs = Mapping[int, Sequence[Mapping[str, float]]]
"""Seed -> measured points of a method, one for each temperature."""


def axes(runs: Sequence[Runs], usable: Sequence[tuple[str, str]] = AXES) -> tuple[str, str]:
    """Returns the first pair of axes that was measured for all methods at every temperature.

    Args:
        runs: one entry for each method.
        usable: candidate pairs, in order of preference.

    Raises:
        UserError: if nothing was measured, or no pair was measured for all methods.
    """
    found = find_axes(runs, usable)
    if found is not None:
        return found
    if not any(points for method in runs for points in method.values()):
        raise UserError("no run of this comparison has been measured yet; continue it with `textgan compare --resume`")
    raise UserError(
        "evaluate.metrics: no pair of a quality and a diversity metric was measured for all methods; expected one of "
        + ", ".join(f"{quality} with {diversity}" for quality, diversity in usable)
    )


def find_axes(runs: Sequence[Runs], usable: Sequence[tuple[str, str]] = AXES) -> tuple[str, str] | None:
    """Returns the same pair as `axes`, or None if no pair was measured for all methods."""
    points = [point for method in runs for run in method.values() for point in run]
    for quality, diversity in usable:
        if points and all(quality in point and diversity in point for point in points):
            return quality, diversity
    return None


def oriented(name: str, value: float) -> float:
    """Returns the value of a metric, negated if lower is better, so that higher is always better."""
    return value if name in HIGHER else -value


def frontier_of(points: Sequence[Mapping[str, float]], quality: str, diversity: str) -> Frontier | None:
    """Computes the frontier of one run from its points, or None if no point is finite on both axes."""
    finite = [p for p in points if math.isfinite(p[quality]) and math.isfinite(p[diversity])]
    diversities, qualities = ([oriented(name, p[name]) for p in finite] for name in (diversity, quality))
    return Frontier.of(diversities, qualities) if finite else None
