"""Writes the report of a comparison: one self-contained HTML file, and the same numbers as JSON, CSV and LaTeX.

Sample text is untrusted: Jinja2 escapes it in HTML, `visible` escapes control characters, and CSV cells that a
spreadsheet would evaluate are prefixed with an apostrophe.
"""

from __future__ import annotations

import difflib
import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textgan.compare.analysis.results import LIKELIHOOD, Measurement, Pair, Results
from textgan.compare.analysis.statistics import Difference
from textgan.compare.reporting import figures, tables
from textgan.core.escape import visible
from textgan.runs.atomic import write_text
from textgan.runs.run_dir import RunDir

PAGE, JSON, CSV, LATEX = "report.html", "results.json", "results.csv", "results.tex"
NONCE = "textgan"


def write(found: Results) -> Path:
    """Writes the page and the JSON, CSV and LaTeX files to the comparison's folder; returns the path of the page."""
    folder = found.plan.folder
    write_text(folder / PAGE, render(PAGE, _content(found)))
    write_text(folder / JSON, json.dumps(tables.document(found), indent=2, allow_nan=False) + "\n")
    write_text(folder / CSV, tables.csv_text(found))
    write_text(folder / LATEX, tables.latex(found))
    return folder / PAGE


def render(template: str, content: Mapping[str, Any]) -> str:
    """Renders a template as a page, with all content HTML-escaped and control characters made visible.

    Args:
        template: file name in the templates folder.
        content: values for the template.
    """
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
        "title": " vs. ".join(variants),
        "lead": _lead(found),
        "summary": list(_summary(found, variants)),
        "verdicts": [_verdict(pair) for pair in found.pairs],
        "explanation": _explanation(found),
        "warnings": [(name, flag.text) for name, flags in found.flags.items() for flag in flags],
        "missing": list(_missing(found)),
        "frontier": figures.frontier(found, known),
        "training": list(figures.training(found, variants)),
        "exposure": figures.exposure(found, variants),
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
    parts = (
        _count(settings.seeds, "seed"),
        f"{settings.samples:,} samples per measurement",
        _count(len(found.plan.methods), "method"),
    )
    lead = ", ".join(parts) + "."
    budget = " or ".join(f"{amount:,.15g} {kind}" for kind, amount in settings.budget.items())
    return f"{lead} After its start, every method had a budget of {budget}." if budget else lead


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


SENTENCES = {
    "better": "better than {}",
    "worse": "worse than {}",
    "equivalent": "equivalent to {}",
    "no difference found": "no difference found in comparison with {}",
    "not enough seeds": "not enough seeds for a comparison with {}",
    "incomparable": "incomparable with {}",
    "collapsed": "collapsed, therefore not ranked against {}",
}
"""Verdict -> how the summary states it."""


def _summary(found: Results, variants: Sequence[str]) -> Iterator[str]:
    """Yields the verdicts as sentences."""
    if found.plan.settings.shorter > 1:
        factor = found.plan.settings.shorter
        yield f"Quick test: phases are {factor} times shorter than in the recipes. Methods are not ranked."
        return
    for name in variants:
        own = [pair for pair in found.pairs if pair.first == name]
        for conclusion in dict.fromkeys(pair.verdict for pair in own):
            others = ", ".join(pair.second for pair in own if pair.verdict == conclusion)
            yield f"{name}: {SENTENCES[conclusion].format(others)}."
    if any(pair.verdict == "not enough seeds" for pair in found.pairs):
        yield (
            f"With {_count(len(found.pairs), 'pair')}, a difference can be significant only with at least "
            f"{_count(found.seeds_needed, 'seed')}; this comparison has {found.plan.settings.seeds}."
        )


def _verdict(pair: Pair) -> dict[str, str]:
    """Formats one row of the table of verdicts."""
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
        "detectable": _detectable(found),
    }


def _detectable(difference: Difference | None) -> str:
    if difference is None:
        return ""
    return f"{difference.detectable:.3f}" if math.isfinite(difference.detectable) else "none"


LIKELIHOOD_MEANING = "the best of the controls start, early and continued, at any temperature"


def _explanation(found: Results) -> str:
    """Explains the table of verdicts: columns, tests and excluded pairs."""
    settings = found.plan.settings
    shown = any(pair.second == LIKELIHOOD for pair in found.pairs)
    likelihood = f" {LIKELIHOOD.capitalize()}: {LIKELIHOOD_MEANING}." if shown else ""
    return (
        f"Difference: the method's quality minus that of the other one, averaged over the diversities that both reach; "
        f"positive if the method is better. Differences are paired by seed. P-values are exact (sign-flip test) and "
        f"corrected for {_count(len(found.pairs), 'pair')} by Holm's method. Better or worse requires p of at most "
        f"{settings.alpha:g} and a {1 - settings.alpha:.0%} bootstrap interval that excludes zero. Equivalent: the "
        f"interval lies within {found.margin:.3f} of zero. Ahead: share of the diversities at which the method is "
        f"better. Detectable: the true difference that this number of seeds, with this spread, detects in four of five "
        f"cases."
        + likelihood
        + "".join(
            f" {one} and {other} are not compared, since no pair of a quality and a diversity metric was measured for "
            f"both; the metric self_bleu would provide one."
            for one, other in found.not_compared
        )
    )


def _differences(found: Results, variants: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields (title, diff) between the first variant's filled recipe and each other one."""
    first, *others = variants
    files = {name: found.plan.folder / "recipes" / found.plan.method(name).recipe for name in variants}
    lines = {name: file.read_text(encoding="utf-8").splitlines() for name, file in files.items()}
    for name in others:
        diff = list(difflib.unified_diff(lines[first], lines[name], first, name, lineterm="", n=1))
        yield f"{name} compared with {first}", "\n".join(map(visible, diff)) if diff else "No differences."


def _missing(found: Results) -> Iterator[str]:
    """Describes runs without measurements, one line for all seeds of a method with the same reason."""
    for name, reasons in found.failed.items():
        for reason in dict.fromkeys(reasons.values()):
            seeds = [str(seed) for seed, other in sorted(reasons.items()) if other == reason]
            yield f"{name}, seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}: {visible(reason)}"


def _chosen(found: Results, known: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Formats the rows of the table of selected checkpoints: selected rounds by seed, candidates and axes."""
    for name in known:
        runs = {seed: run.chosen for seed, run in found.measured[name].items() if run.chosen}
        if runs:
            first = next(iter(runs.values()))
            yield {
                "name": name,
                "rounds": ", ".join(str(chosen["global_round"]) for _, chosen in sorted(runs.items())),
                "of": ", ".join(map(str, first["of"])),
                "axes": f"{first['quality']} at equal {first['diversity']}",
            }


COSTS: Mapping[str, tuple[str, ...]] = {
    "updates": ("generator_updates",),
    "other updates": ("other_updates",),
    "tokens read": ("tokens_read",),
    "tokens generated": ("tokens_generated",),
    "seconds": ("seconds",),
}
"""Column of the cost table -> the counts that it adds up."""


def _cost(name: str, runs: Mapping[int, Measurement]) -> dict[str, Any]:
    """Formats one row of the cost table: medians over seeds, after the start and including it."""
    costs = [run.cost for run in runs.values()]
    after = [statistics.median(sum(c["after"][n] for n in names) for c in costs) for names in COSTS.values()]
    total = [
        statistics.median(sum(c[part][n] for n in names for part in ("start", "after")) for c in costs)
        for names in COSTS.values()
    ]
    return {"name": name, "cells": [f"{value:,.0f}" for value in (*after, *total)]}


def _environment(found: Results) -> Iterator[str]:
    """Yields versions and device, the description of the data and the metric signatures."""
    folder = RunDir(found.plan.home(found.plan.methods[0].name, 0) / "run")
    if (folder.path / "environment.json").is_file():
        for key, value in folder.read("environment.json").items():
            text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
            yield visible(f"{key}: {text}")
    if (folder.path / "data.json").is_file():
        yield visible(f"data: {json.dumps(folder.read('data.json'), ensure_ascii=False)}")
    yield from map(visible, found.signatures)
