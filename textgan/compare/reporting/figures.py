"""Draws the charts of a report: quality against diversity, training curves and exposure bias."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgan.compare.analysis.axes import oriented
from textgan.compare.analysis.results import Results
from textgan.compare.design.plan import Plan
from textgan.compare.reporting.chart import Series, chart
from textgan.runs.run_dir import RunDir

DASHES = ("", "start", "early", "continued", "constant", "best of")
"""Kinds of controls; the index is the dash pattern of their lines."""
NATS = "nats/token"
LABELS = {
    "nll_oracle": f"NLL under the oracle ({NATS})",
    "nll_test": f"NLL of test text ({NATS})",
    "lm_score": f"LM score ({NATS})",
    "reverse_lm_score": f"reverse LM score ({NATS})",
    "bleu4": "BLEU-4 (0 to 1)",
    "self_bleu4": "self-BLEU-4 (0 to 1)",
}
"""Axis labels of the metrics."""


def frontier(found: Results, known: Sequence[str]) -> Any:
    """Draws quality against diversity: for each method, the mean over seeds at each temperature.

    Args:
        found: the results.
        known: the methods to draw, in order.
    """
    series = []
    colors = _colors(found)
    for name in known:
        runs = found.measured[name]
        dash = DASHES.index(found.plan.method(name).control)
        points, spread, labels = [], [], []
        for index, point in enumerate(next(iter(runs.values())).points):
            values = [run.points[index] for run in runs.values()]
            if not all(name in each for each in values for name in (found.quality, found.diversity)):
                continue
            x = [oriented(found.diversity, v[found.diversity]) for v in values]
            y = [oriented(found.quality, v[found.quality]) for v in values]
            if not all(map(math.isfinite, (*x, *y))):
                continue
            points.append((statistics.fmean(x), statistics.fmean(y)))
            spread.append((min(y), max(y)))
            labels.append(f"temperature {point['temperature']:g}")
        sound = not any(flag.collapse for flag in found.flags.get(name, ()))
        series.append(Series(name, points, colors[name], dash, spread, labels, framed=sound))
    x_label, y_label = (
        f"{axis}: {'' if oriented(name, 1) > 0 else '− '}{LABELS.get(name, name)}"
        for axis, name in (("diversity", found.diversity), ("quality", found.quality))
    )
    return chart(series, x_label, y_label, "Quality against diversity")


def _colors(found: Results) -> Mapping[str, int]:
    """Returns the color of each method: one per variant, shared by its controls, whose lines are dashed."""
    variants = list(dict.fromkeys(method.variant for method in found.plan.methods))
    return {method.name: variants.index(method.variant) % 8 for method in found.plan.methods}


def training(found: Results, variants: Sequence[str]) -> Iterator[Any]:
    """Draws the metrics of the axes over the rounds of seed 0, with marks at the phases of the first variant.

    Args:
        found: the results.
        variants: the methods to draw, in order.
    """
    entries = {
        name: [e for e in RunDir(found.plan.home(name, 0) / "run").entries() if e["kind"] == "evaluation"]
        for name in variants
    }
    colors = _colors(found)
    shown = next((name for name, own in entries.items() if own), None)
    marks = list(_phase_starts(found.plan, shown)) if shown else []
    for metric in dict.fromkeys((found.quality, found.diversity)):
        series = [
            Series(
                name,
                [(e["global_round"], e[metric]) for e in own if math.isfinite(e.get(metric, math.nan))],
                colors[name],
            )
            for name, own in entries.items()
        ]
        yield chart(series, "round", LABELS.get(metric, metric), f"{metric} during training", marks)


def _phase_starts(plan: Plan, name: str) -> Iterator[tuple[float, str]]:
    """Yields (number of rounds before it, name) of each phase of a method."""
    done = 0
    for phase, block in plan.recipe(plan.method(name), 0).filled["phases"].items():
        yield done, phase
        done += block["rounds"]


def exposure(found: Results, variants: Sequence[str]) -> Any:
    """Draws NLL by position for free samples, continuations of real prefixes and held-out text: means over seeds.

    Args:
        found: the results.
        variants: the methods to draw, each with its start.
    """
    names = [*variants, *dict.fromkeys(found.plan.method(name).start for name in variants)]
    colors = {name: index % 7 for index, name in enumerate(names)}  # the last color is that of held-out text
    series = []
    for name in names:
        curves = [run.drift for run in found.measured.get(name, {}).values() if run.drift]
        if curves:
            free, continuation = (_mean_curve([c[kind] for c in curves]) for kind in ("free", "continuation"))
            series.append(Series(f"{name}, free samples", free, colors[name]))
            series.append(Series(f"{name}, after real prefixes", continuation, colors[name], dash=1))
    real = next((run.drift["real"] for runs in found.measured.values() for run in runs.values() if run.drift), None)
    if real is not None and series:
        series.append(Series("held-out text", _mean_curve([real]), 7))
    return chart(series, "position in the sentence (tokens)", f"NLL under the evaluator LM ({NATS})", "Exposure bias")


def _mean_curve(curves: Sequence[Sequence[float | None]]) -> list[tuple[float, float]]:
    """Returns (position, mean) for each position, counted from 1, that all curves reach."""
    columns = [[value for value in column if value is not None] for column in zip(*curves, strict=True)]
    return [(at, statistics.fmean(c)) for at, c in enumerate(columns, start=1) if len(c) == len(curves)]
