"""Tests the false-positive rate of the verdicts: tables of copies of one model, through the whole analysis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from textgan.compare.analysis import results as results_module
from textgan.compare.analysis.results import Measurement, results
from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.recipe import Recipe

TABLES = 250


def copies(rng: np.random.Generator, names: Sequence[str], seeds: int) -> dict[str, dict[int, Measurement]]:
    """Simulates methods with the same curve, plus independent noise and noise shared within a seed."""
    found: dict[str, dict[int, Measurement]] = {name: {} for name in names}
    for seed in range(seeds):
        shared = rng.normal(0, 0.05, 2)
        for name in names:
            own = rng.normal(0, 0.02, (3, 2))
            points = [
                {"temperature": t, "bleu4": 0.5 - 0.2 * t + s[0] + o[0], "self_bleu4": 0.9 - 0.4 * t + s[1] + o[1]}
                for t, o, s in zip((0.7, 0.85, 1.0), own, [shared] * 3, strict=True)
            ]
            found[name][seed] = Measurement(points, (), {})
    return found


@pytest.mark.parametrize(
    ("seeds", "names"),
    [(5, ("one", "two")), (8, ("one", "two", "one: start", "one: early", "one: continued", "one: constant"))],
)
def test_copies_are_rarely_called_better(
    recipes: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds: int, names: Sequence[str]
) -> None:
    """The family-wise rate is at most alpha, 0.1, with enough seeds for a significant difference."""
    plan = make_plan(recipes, Settings(seeds=seeds), tmp_path / "out")
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(TABLES):
        measured = copies(rng, names, seeds)

        def collect(_: Plan, measured: object = measured) -> tuple[object, dict[str, dict[int, str]]]:
            return measured, {}

        monkeypatch.setattr(results_module, "collect", collect)
        found = results(plan)
        assert found.seeds_needed <= seeds
        wrong += any(pair.verdict == "better" for pair in found.pairs)
    assert wrong / TABLES <= 0.1


def test_large_gain_is_called_better(recipes: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a gain of three times the noise. Without this test, an analysis that never finds anything would pass."""
    plan = make_plan(recipes, Settings(seeds=5), tmp_path / "out")
    rng = np.random.default_rng(2)
    right = 0
    for _ in range(30):
        measured = copies(rng, ("one", "two"), 5)
        for run in measured["one"].values():
            for point in run.points:
                point["bleu4"] += 0.06  # type: ignore[index]
        monkeypatch.setattr(results_module, "collect", lambda _, measured=measured: (measured, {}))
        right += results(plan).pairs[0].verdict == "better"
    assert right >= 24
