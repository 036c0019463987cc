"""A comparison's numbers as rows, JSON, CSV and LaTeX."""

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
"""What a spreadsheet takes for the beginning of a formula."""


def metric_rows(found: Results, known: Sequence[str]) -> dict[str, Any]:
    """{"names", "rows"}: a row a metric, a cell a method: the mean over seeds and its interval."""
    better = _better(found)
    names = dict.fromkeys(
        metric
        for name in known
        for run in found.measured[name].values()
        for metric in run.plain()
        if metric != "temperature"
    )
    rows = []
    for metric in names:
        cells = []
        for name in known:
            values = [run.plain()[metric] for run in found.measured[name].values() if metric in run.plain()]
            cells.append(_cell(values, found.plan.settings.alpha))
        rows.append({"name": metric + ARROWS.get(better.get(metric, ""), ""), "cells": cells})
    return {"names": list(known), "rows": rows}


def checks(found: Results) -> dict[str, Any]:
    """{"kinds", "rows"}: a row a metric.

    Its values on texts of known worth, which of them it ranks below real text, and which axes it is of no use for.
    """
    if found.checked is None:
        return {"kinds": [], "rows": []}
    kinds = found.checked.values
    rows = []
    for metric in kinds["real"]:
        wrong = [axis for axis in ("quality", "diversity") if found.checked.ranks(metric, axis) is False]
        cells = [f"{values[metric]:.3f}" if metric in values else "" for values in kinds.values()]
        told = {"wrong": f"not for {' or '.join(wrong)}" if wrong else "", "tells": found.checked.tells(metric)}
        rows.append({"name": metric, "cells": cells, **told})
    return {"kinds": list(kinds), "rows": rows}


def document(found: Results) -> dict[str, Any]:
    """Everything, for programs. What JSON has no number for becomes text."""
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
    """A line for each number: method, seed, temperature, metric, value."""
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
    """The metrics at temperature 1 as a table for a paper: mean and standard deviation over seeds."""
    known = list(found.measured)
    rows = []
    for row in metric_rows(found, known)["rows"]:
        metric = row["name"].split(" ")[0]
        cells = [
            _tex_cell([r.plain()[metric] for r in found.measured[n].values() if metric in r.plain()]) for n in known
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
    for method in found.plan.methods:
        folder = RunDir(found.plan.home(method.name, 0) / "run")
        if (folder.path / "summary.json").is_file():
            return folder.read("summary.json")["better"]  # type: ignore[no-any-return]
    return {}


def _cell(values: Sequence[float], level: float) -> str:
    if not values:
        return ""
    if not all(map(math.isfinite, values)):
        return "inf"
    mean = statistics.fmean(values)
    low, high = interval(np.asarray(values), level)
    return f"{mean:.3f}" if len(values) == 1 else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def _tex_cell(values: Sequence[float]) -> str:
    if not values or not all(map(math.isfinite, values)):
        return "--"
    mean = f"{statistics.fmean(values):.3f}"
    return mean if len(values) == 1 else f"${mean} \\pm {statistics.stdev(values):.3f}$"


TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _tex(text: str) -> str:
    return "".join(TEX.get(c) or (f"\\{c}" if c in "&%$#_{}" else c) for c in visible(text))


def _inert(text: str) -> str:
    shown = visible(text)
    return f"'{shown}" if shown.startswith(RISKY) else shown


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
