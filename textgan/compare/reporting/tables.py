"""Formats the numbers of a comparison as table rows, JSON, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from textgan.compare.analysis.results import Results
from textgan.compare.analysis.statistics import interval
from textgan.core.escape import visible
from textgan.runs.run_dir import RunDir

ARROWS = {"higher": " ↑", "lower": " ↓"}
RISKY = ("=", "+", "-", "@", "\t", "\r")
"""Characters that start a formula in spreadsheets."""


def metric_rows(found: Results, known: Sequence[str]) -> dict[str, Any]:
    """Returns the table of all metrics at temperature 1.

    Args:
        found: the results.
        known: the methods, in order.

    Returns:
        {"names", "rows"}: one row per metric, one cell per method: the mean over seeds and its interval.
    """
    better = _better(found)
    names = dict.fromkeys(
        metric
        for name in known
        for run in found.measured[name].values()
        for metric in run.at_temperature_1()
        if metric != "temperature"
    )
    rows = []
    for metric in names:
        cells = []
        for name in known:
            values = [
                run.at_temperature_1()[metric]
                for run in found.measured[name].values()
                if metric in run.at_temperature_1()
            ]
            cells.append(_cell(values, found.plan.settings.alpha))
        rows.append({"name": metric + ARROWS.get(better.get(metric, ""), ""), "cells": cells})
    return {"names": list(known), "rows": rows}


def checks(found: Results) -> dict[str, Any]:
    """Returns the table of the metric check.

    Returns:
        {"kinds", "rows"}: one row per metric: its values on texts of known quality, the texts that it ranks below real
        text, and the axes for which it fails the check.
    """
    if found.checked is None:
        return {"kinds": [], "rows": []}
    kinds = found.checked.values
    rows = []
    for metric in kinds["real"]:
        failed = [axis for axis in ("quality", "diversity") if found.checked.passes(metric, axis) is False]
        cells = [f"{values[metric]:.3f}" if metric in values else "" for values in kinds.values()]
        below = found.checked.below_real(metric)
        rows.append({"name": metric, "cells": cells, "below_real": below, "failed": failed})
    return {"kinds": list(kinds), "rows": rows}


def document(found: Results) -> dict[str, Any]:
    """Returns all results for `results.json`. Infinite and NaN values become text, since JSON has no such numbers."""
    return {
        "settings": asdict(found.plan.settings),
        "quality": found.quality,
        "diversity": found.diversity,
        "margin": found.margin,
        "pairs": [_finite(asdict(pair)) for pair in found.pairs],
        "methods": {
            name: {
                str(seed): _finite({"points": run.points, "cost": run.cost, "chosen": run.chosen})
                for seed, run in runs.items()
            }
            for name, runs in found.measured.items()
        },
        "flags": {name: [asdict(flag) for flag in flags] for name, flags in found.flags.items() if flags},
        "failed": found.failed,
        "signatures": found.signatures,
    }


def csv_text(found: Results) -> str:
    """Formats all measurements as CSV, one number per line: method, control, seed, temperature, metric, value."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["method", "control", "seed", "temperature", "metric", "value"])
    for name, runs in found.measured.items():
        for seed, run in runs.items():
            for point in run.points:
                for metric, value in point.items():
                    if metric != "temperature":
                        control = found.plan.method(name).control
                        writer.writerow(
                            [_inert(name), _inert(control), seed, point["temperature"], _inert(metric), value]
                        )
    return stream.getvalue()


def latex(found: Results) -> str:
    """Formats the metrics at temperature 1 as a LaTeX table: mean and standard deviation over seeds."""
    known = list(found.measured)
    rows = []
    for row in metric_rows(found, known)["rows"]:
        metric = row["name"].split(" ")[0]
        cells = [
            _tex_cell(
                [r.at_temperature_1()[metric] for r in found.measured[n].values() if metric in r.at_temperature_1()]
            )
            for n in known
        ]
        rows.append(f"{_tex(metric)} & {' & '.join(cells)} \\\\")
    head = " & ".join(["", *map(_tex, known)])
    seeds = found.plan.settings.seeds
    return "\n".join(
        [
            f"% mean and standard deviation over {seeds} seeds, {found.plan.settings.samples} samples, temperature 1",
            f"\\begin{{tabular}}{{l{'r' * len(known)}}}",
            "\\hline",
            head + " \\\\",
            "\\hline",
            *rows,
            "\\hline",
            "\\end{tabular}",
            "",
        ]
    )


def _better(found: Results) -> Mapping[str, str]:
    """Returns metric -> "higher" or "lower", from the first run that has a summary."""
    for method in found.plan.methods:
        folder = RunDir(found.plan.home(method.name, 0) / "run")
        if (folder.path / "summary.json").is_file():
            return folder.read("summary.json")["better"]  # type: ignore[no-any-return]
    return {}


def _cell(values: Sequence[float], alpha: float) -> str:
    """Formats the mean over seeds with its interval, without a minus on values that round to 0."""
    if not values:
        return ""
    if not all(map(math.isfinite, values)):
        return "inf"
    mean = statistics.fmean(values)
    low, high = interval(np.asarray(values), alpha)
    return f"{mean:z.3f}" if len(values) == 1 else f"{mean:z.3f} ({low:z.3f} to {high:z.3f})"


def _tex_cell(values: Sequence[float]) -> str:
    if not values or not all(map(math.isfinite, values)):
        return "--"
    mean = f"{statistics.fmean(values):.3f}"
    return mean if len(values) == 1 else f"${mean} \\pm {statistics.stdev(values):.3f}$"


TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _tex(text: str) -> str:
    return "".join(TEX.get(c) or (f"\\{c}" if c in "&%$#_{}" else c) for c in visible(text))


def _inert(text: str) -> str:
    """Prefixes text that a spreadsheet would evaluate with an apostrophe."""
    shown = visible(text)
    return f"'{shown}" if shown.startswith(RISKY) else shown


def _finite(value: Any) -> Any:
    """Replaces infinite and NaN numbers by text, recursively."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
