"""The report: one HTML file that needs nothing else, and the same numbers as JSON, CSV and LaTeX.

Sample text is hostile: Jinja2 escapes it in HTML, `visible` takes out what steers a terminal, and CSV cells that a
spreadsheet would run get an apostrophe.
"""

from __future__ import annotations

import difflib
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textgan.compare.analysis.axes import oriented
from textgan.compare.analysis.results import Measurement, Pair, Results
from textgan.compare.design.plan import Plan
from textgan.compare.reporting import tables
from textgan.compare.reporting.chart import Series, chart
from textgan.core.escape import visible
from textgan.runs.atomic import write_text
from textgan.runs.run_dir import RunDir

PAGE, JSON, CSV, LATEX = "report.html", "results.json", "results.csv", "results.tex"
NONCE = "textgan"
DASHES = ("", "start", "early", "continued", "constant", "best of")
"""How a method's line is dashed: by its place here."""


def write(found: Results) -> Path:
    """Writes all four into the comparison's folder; returns the page's path."""
    folder = found.plan.folder
    write_text(folder / PAGE, render(PAGE, _content(found)))
    write_text(folder / JSON, json.dumps(tables.document(found), indent=2, allow_nan=False) + "\n")
    write_text(folder / CSV, tables.csv_text(found))
    write_text(folder / LATEX, tables.latex(found))
    return folder / PAGE


def render(template: str, content: Mapping[str, Any]) -> str:
    """A page: everything that is laid into it escaped, and no control character left, wherever it came from."""
    import jinja2

    loader = jinja2.PackageLoader("textgan.compare.reporting")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template(template).render(content)
    return "\n".join(visible(line) for line in page.split("\n")) + "\n"


def _content(found: Results) -> dict[str, Any]:
    plan = found.plan
    variants = [method.name for method in plan.methods if not method.control]
    known = [name for name in (m.name for m in plan.methods) if name in found.measured]
    shown = [name for name in known if 0 in found.measured[name] and found.measured[name][0].texts]
    rows = zip(*(found.measured[name][0].texts for name in shown), strict=False)
    return {
        "nonce": NONCE,
        "title": " against ".join(variants),
        "lead": _lead(found),
        "summary": list(_summary(found, variants)),
        "verdicts": [_verdict(pair) for pair in found.pairs],
        "explained": _explained(found),
        "warnings": [(name, flag.text) for name, flags in found.flags.items() for flag in flags],
        "missing": list(_missing(found)),
        "frontier": _frontier(found, known),
        "training": list(_training(found, variants)),
        "exposure": _exposure(found, variants),
        "sampled": {"names": shown, "rows": [[visible(text) for text in row] for row in rows]},
        "differences": list(_differences(found, variants)),
        "table": tables.metric_rows(found, known),
        "checks": tables.checks(found),
        "chosen": list(_chosen(found, known)),
        "confidence": f"{1 - plan.settings.alpha:.0%}",
        "cost_heads": list(COSTS),
        "costs": [_cost(name, found.measured[name]) for name in known],
        "environment": list(_environment(found)),
    }


def _lead(found: Results) -> str:
    settings = found.plan.settings
    seeds = "1 seed" if settings.seeds == 1 else f"{settings.seeds} seeds"
    lead = f"{seeds}, {settings.samples:,} samples a measurement, {len(found.plan.methods)} methods."
    budget = " or ".join(f"{amount:,g} {kind}" for kind, amount in settings.budget.items())
    return f"{lead} Behind its start, every method had a budget of {budget}." if budget else lead


def _summary(found: Results, variants: Sequence[str]) -> Iterator[str]:
    """The verdicts in words."""
    if found.plan.settings.shorter > 1:
        factor = found.plan.settings.shorter
        yield f"A quick look: phases are {factor} times shorter than in the recipes. Nothing is ranked."
        return
    for name in variants:
        mine = [pair for pair in found.pairs if pair.first == name]
        for said in dict.fromkeys(pair.verdict for pair in mine):
            others = "; ".join(pair.second for pair in mine if pair.verdict == said)
            yield f"{name}: {said}{PREPOSITIONS.get(said, ' beside ')}{others}."
    if any(pair.verdict == "not enough seeds" for pair in found.pairs):
        yield (
            f"Of {len(found.pairs)} pairs the clearest could count from {found.seeds_needed} seeds on; "
            f"there are {found.plan.settings.seeds}."
        )


PREPOSITIONS = {"better": " than ", "worse": " than ", "equivalent": " to ", "no difference found": " from "}


def _verdict(pair: Pair) -> dict[str, str]:
    found = pair.difference
    return {
        "first": pair.first,
        "second": pair.second,
        "axes": f"{pair.quality} at equal {pair.diversity}",
        "verdict": pair.verdict,
        "kind": pair.verdict if pair.verdict in ("better", "worse", "collapsed") else "",
        "mean": f"{found.mean:+.3f}" if found else "",
        "interval": f"{found.low:+.3f} to {found.high:+.3f}" if found and math.isfinite(found.low) else "",
        "p": f"{pair.corrected:.3f}" if found else "",
        "ahead": "" if math.isnan(pair.ahead) else f"{pair.ahead:.0%}",
        "detectable": f"{found.detectable:.3f}" if found and math.isfinite(found.detectable) else "nothing",
    }


def _explained(found: Results) -> str:
    settings = found.plan.settings
    return (
        f"The difference is that of quality where both are equally diverse, on average, positive if the first is "
        f"better. Paired over seeds; exact sign tests, corrected "
        f"by Holm for {len(found.pairs)} pairs; a verdict needs p of at most {settings.alpha:g} and a "
        f"{1 - settings.alpha:.0%} bootstrap interval without zero. Equivalent: the interval lies within "
        f"{found.margin:.3f} of zero. Ahead: share of the diversities at which the first is better. Could have seen: "
        f"the true difference that these seeds show in four of five cases."
        + "".join(
            f" {one} and {other} are not compared: no quality and diversity were measured for both; the metric "
            f"self_bleu would be one."
            for one, other in found.apart
        )
    )


def _frontier(found: Results, known: Sequence[str]) -> Any:
    series = []
    colours = _colours(found)
    for name in known:
        runs = found.measured[name]
        dash = DASHES.index(found.plan.method(name).control)
        points, spread, labels = [], [], []
        for place, point in enumerate(next(iter(runs.values())).points):
            values = [run.points[place] for run in runs.values()]
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
        series.append(Series(name, points, colours[name], dash, spread, labels, framed=sound))
    across, up = (name if oriented(name, 1) > 0 else f"minus {name}" for name in (found.diversity, found.quality))
    return chart(series, across, up, "Quality against diversity")


def _colours(found: Results) -> Mapping[str, int]:
    """A colour a variant; its controls share it and are dashed."""
    variants = list(dict.fromkeys(method.variant for method in found.plan.methods))
    return {method.name: variants.index(method.variant) % 8 for method in found.plan.methods}


def _training(found: Results, variants: Sequence[str]) -> Iterator[Any]:
    """The axes' metrics over the rounds of seed 0, with the phases of the first variant marked."""
    entries = {
        name: [e for e in RunDir(found.plan.home(name, 0) / "run").entries() if e["kind"] == "evaluation"]
        for name in variants
    }
    colours = _colours(found)
    shown = next((name for name, mine in entries.items() if mine), None)
    marks = list(_begins(found.plan, shown)) if shown else []
    for metric in dict.fromkeys((found.quality, found.diversity)):
        series = [
            Series(
                name,
                [(e["global_round"], e[metric]) for e in mine if math.isfinite(e.get(metric, math.nan))],
                colours[name],
            )
            for name, mine in entries.items()
        ]
        yield chart(series, "rounds", metric, f"{metric} while training", marks)


def _begins(plan: Plan, name: str) -> Iterator[tuple[float, str]]:
    """After how many rounds each of its phases begins."""
    done = 0
    for phase, block in plan.recipe(plan.method(name), 0).filled["phases"].items():
        yield done, phase
        done += block["rounds"]


def _exposure(found: Results, variants: Sequence[str]) -> Any:
    """Free text beside continuations of real text, by position: the mean over seeds."""
    names = [*variants, *dict.fromkeys(found.plan.method(name).start for name in variants)]
    colours = {name: place % 7 for place, name in enumerate(names)}  # the last colour is that of real text
    series = []
    for name in names:
        curves = [run.drift for run in found.measured.get(name, {}).values() if run.drift]
        for kind, told in (("free", name), ("behind", f"{name}, behind real text")) if curves else ():
            series.append(Series(told, _mean_curve([c[kind] for c in curves]), colours[name], int(kind == "behind")))
    real = next((run.drift["real"] for runs in found.measured.values() for run in runs.values() if run.drift), None)
    if real is not None and series:
        series.append(Series("held-out text", _mean_curve([real]), 7))
    return chart(series, "position", "nats under a language model", "Exposure bias")


def _mean_curve(curves: Sequence[Sequence[float | None]]) -> list[tuple[float, float]]:
    """The mean at each position (from 1) that all curves reach."""
    columns = [[value for value in column if value is not None] for column in zip(*curves, strict=True)]
    return [(at, statistics.fmean(c)) for at, c in enumerate(columns, start=1) if len(c) == len(curves)]


def _differences(found: Results, variants: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each variant's filled recipe beside the first one's."""
    first, *others = variants
    files = {name: found.plan.folder / "recipes" / found.plan.method(name).recipe for name in variants}
    written = {name: file.read_text(encoding="utf-8").splitlines() for name, file in files.items()}
    for name in others:
        lines = list(difflib.unified_diff(written[first], written[name], first, name, lineterm="", n=1))
        yield f"{name} beside {first}", "\n".join(map(visible, lines)) if lines else "The same."


def _missing(found: Results) -> Iterator[str]:
    """Runs without numbers, one line for all seeds of a method that miss them for the same reason."""
    for name, reasons in found.failed.items():
        for reason in dict.fromkeys(reasons.values()):
            seeds = [str(seed) for seed, why in sorted(reasons.items()) if why == reason]
            yield f"{name}, seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}: {visible(reason)}"


def _chosen(found: Results, known: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rounds that validation chose, seed by seed, and those that it chose between."""
    for name in known:
        runs = {seed: run.chosen for seed, run in found.measured[name].items() if run.chosen}
        if runs:
            one = next(iter(runs.values()))
            yield {
                "name": name,
                "rounds": ", ".join(str(chosen["global_round"]) for _, chosen in sorted(runs.items())),
                "of": ", ".join(map(str, one["of"])),
                "axes": f"{one['quality']} at equal {one['diversity']}",
            }


COSTS: Mapping[str, tuple[str, ...]] = {
    "updates": ("generator_updates",),
    "other updates": ("other_updates",),
    "tokens read": ("tokens_read",),
    "tokens generated": ("tokens_generated",),
    "seconds": ("seconds",),
}
"""Columns of the table of costs, and the counts that each is the sum of."""


def _cost(name: str, runs: Mapping[int, Measurement]) -> dict[str, Any]:
    """The median over seeds of each cost, behind the start and with it."""
    costs = [run.cost for run in runs.values()]
    behind = [statistics.median(sum(c["after"][n] for n in names) for c in costs) for names in COSTS.values()]
    whole = [
        statistics.median(sum(c[part][n] for n in names for part in ("start", "after")) for c in costs)
        for names in COSTS.values()
    ]
    return {"name": name, "cells": [f"{value:,.0f}" for value in (*behind, *whole)]}


def _environment(found: Results) -> Iterator[str]:
    folder = RunDir(found.plan.home(found.plan.methods[0].name, 0) / "run")
    if (folder.path / "environment.json").is_file():
        for key, value in folder.read("environment.json").items():
            text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
            yield visible(f"{key}: {text}")
    if (folder.path / "data.json").is_file():
        yield visible(f"data: {json.dumps(folder.read('data.json'), ensure_ascii=False)}")
    yield from map(visible, found.signatures)
