"""The two numbers that a model is drawn by: how good its text is, and how diverse."""

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
"""Quality and diversity, the first pair that all methods have."""
HIGHER = frozenset({"bleu2", "bleu3", "bleu4", "bleu5"})
"""Of the axes, those whose higher values are better; all others are losses, or likeness to each other."""

Runs = Mapping[int, Sequence[Mapping[str, float]]]
"""Seed -> the points of a method, one for each temperature."""


def axes(runs: Sequence[Runs], usable: Sequence[tuple[str, str]] = AXES) -> tuple[str, str]:
    """The first pair of metrics that all of these have at every temperature. Raises UserError if there is none."""
    found = shared(runs, usable)
    if found is not None:
        return found
    if not any(run for each in runs for run in each.values()):
        raise UserError("nothing of this comparison has been measured yet; go on with it by `textgan compare --resume`")
    raise UserError(
        "no pair of a quality and a diversity metric was measured for all methods; a comparison needs one of "
        + ", ".join(f"{q} with {d}" for q, d in usable)
    )


def shared(runs: Sequence[Runs], usable: Sequence[tuple[str, str]] = AXES) -> tuple[str, str] | None:
    """As `axes`, None if there is none."""
    points = [point for each in runs for run in each.values() for point in run]
    for quality, diversity in usable:
        if points and all(quality in point and diversity in point for point in points):
            return quality, diversity
    return None


def oriented(name: str, value: float) -> float:
    """With the sign that makes more the better."""
    return value if name in HIGHER else -value


def frontier_of(points: Sequence[Mapping[str, float]], quality: str, diversity: str) -> Frontier | None:
    """What a model attains at these temperatures; None where nothing finite was measured."""
    finite = [p for p in points if math.isfinite(p[quality]) and math.isfinite(p[diversity])]
    wide, good = ([oriented(name, p[name]) for p in finite] for name in (diversity, quality))
    return Frontier.of(wide, good) if finite else None
