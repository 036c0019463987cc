"""Studies the effect of sentence length: runs the same comparison at several lengths and computes gains.

The folder of a study contains one complete comparison for each length. A method's gain is its quality minus that of its
own start, at equal diversity. So the quality that likelihood training reaches at a length is not part of any gain.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from textgan.compare.analysis.axes import axes, frontier_of
from textgan.compare.analysis.frontier import gap
from textgan.compare.analysis.results import Results
from textgan.compare.analysis.statistics import Difference, holm, paired, verdict
from textgan.compare.design import plan as plans
from textgan.compare.design.plan import Method, Plan, Settings
from textgan.compare.reporting.chart import Series, chart
from textgan.compare.reporting.figures import DASHES
from textgan.compare.reporting.report import JSON, PAGE, render
from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.recipe import load
from textgan.runs.atomic import write_text

FILE = "lengths.json"
TEMPLATE = "lengths.html"
SHOWN = ("", "continued", "constant")
"""Kinds of methods whose gain is shown: "" for variants, otherwise the control."""


@dataclass(frozen=True)
class Study:
    """A study of lengths: one comparison for each.

    Args:
        folder: folder of the study.
        lengths: sentence lengths in tokens, in order.
    """

    folder: Path
    lengths: Sequence[int]

    def plans(self) -> dict[int, Plan]:
        """Reads the plans: length -> plan."""
        return {length: plans.read(self.home(length)) for length in self.lengths}

    def home(self, length: int) -> Path:
        """Returns the folder of a length's comparison."""
        return self.folder / f"length-{length}"


@dataclass(frozen=True)
class Gain:
    """The gain of a method over its start at one length.

    Args:
        length: sentence length in tokens.
        method: the method.
        variant: the variant that it belongs to.
        control: which control it is; "" for a variant.
        quality: quality axis.
        diversity: diversity axis.
        difference: difference in quality at equal diversity over the seeds; None if on some seed the method and its
            start have no diversity in common.
        corrected: p-value, corrected for all methods and lengths.
        verdict: the conclusion about the method in comparison with its start; "incomparable" if difference is None.
    """

    length: int
    method: str
    variant: str
    control: str
    quality: str
    diversity: str
    difference: Difference | None
    corrected: float
    verdict: str


def make_plan(
    names: Sequence[str], changes: Sequence[str], lengths: Sequence[int], settings: Settings, folder: Path
) -> Study:
    """Makes a comparison for each length and writes the plans to the folder.

    A data source with the option `length`, such as the oracle, generates sentences of exactly that length. From other
    data, sentences of at most that length are used (`max_len`).

    Args:
        names: files or names of recipes.
        changes: settings that apply to all recipes, as key=value.
        lengths: sentence lengths in tokens.
        settings: the settings of each comparison.
        folder: folder of the study.

    Raises:
        UserError: if a comparison is not possible; see `textgan.compare.design.plan.make_plan`.
    """
    recipes = {
        length: [load(name, [*changes, _setting(name, changes, length)]) for name in names] for length in lengths
    }
    study = Study(folder, lengths)
    for length, variants in recipes.items():
        plans.make_plan(variants, settings, study.home(length))
    write_text(folder / FILE, json.dumps({"lengths": list(lengths)}) + "\n")
    return study


def read(folder: Path) -> Study | None:
    """Reads the study in a folder; returns None if the folder contains none."""
    if not (folder / FILE).is_file():
        return None
    return Study(folder, json.loads((folder / FILE).read_text(encoding="utf-8"))["lengths"])


def _setting(name: str, changes: Sequence[str], length: int) -> str:
    """Returns the setting that limits a recipe to a length."""
    source = load(name, changes).filled["data"]["name"]
    has_length = "length" in spec.read(registry.find("data", source)).options
    return f"{'data.length' if has_length else 'max_len'}={length}"


def gains(found: Sequence[tuple[int, Results]]) -> list[Gain]:
    """Computes the gains of the variants and of their controls in SHOWN, wherever they and their start were measured.

    Args:
        found: length and results of each comparison.

    Raises:
        UserError: if there are no results.
    """
    if not found:
        raise UserError("no length has results; resume the study with `textgan compare --resume DIR`")
    alpha = found[0][1].plan.settings.alpha
    tested = [
        (length, each, method) for length, each in found for method in each.plan.methods if _has_gain(method, each)
    ]
    computed = [_difference(each, method) for _, each, method in tested]
    corrected = holm([difference.p if difference else 1.0 for _, difference in computed])
    return [
        Gain(
            length,
            method.name,
            method.variant,
            method.control,
            *names,
            difference,
            p,
            verdict(difference, p, alpha, each.margin, len(tested)) if difference else "incomparable",
        )
        for (length, each, method), (names, difference), p in zip(tested, computed, corrected, strict=True)
    ]


def _has_gain(method: Method, found: Results) -> bool:
    return method.control in SHOWN and method.start in found.measured and method.name in found.measured


def _difference(found: Results, method: Method) -> tuple[tuple[str, str], Difference | None]:
    """Returns the axes and the difference in quality from the start, over the seeds that both have."""
    own, start = ({seed: run.points for seed, run in found.measured[n].items()} for n in (method.name, method.start))
    names = axes([own, start], found.usable)
    means = []
    for seed in sorted(own.keys() & start.keys()):
        first, second = (frontier_of(points[seed], *names) for points in (own, start))
        lead = gap(first, second) if first and second else None
        if lead is None:
            return names, None
        means.append(lead.mean)
    return names, paired(means, [0.0] * len(means), found.plan.settings.alpha) if means else None


def write(study: Study, found: Sequence[tuple[int, Results]]) -> Path:
    """Writes the page and the same numbers as JSON; returns the path of the page."""
    each = gains(found)
    content = {
        "title": "Gain over the start against length",
        "lengths": [{"length": length, "page": f"{study.home(length).name}/{PAGE}"} for length, _ in found],
        "missing": [length for length in study.lengths if length not in dict(found)],
        "chart": _chart(each),
        "rows": [_row(gain) for gain in each],
        "settings": found[0][1].plan.settings,
        "ranked": found[0][1].plan.settings.shorter == 1,
    }
    write_text(study.folder / PAGE, render(TEMPLATE, content))
    document = [{**asdict(gain), "difference": _finite(gain.difference)} for gain in each]
    write_text(study.folder / JSON, json.dumps(document, indent=2, allow_nan=False) + "\n")
    return study.folder / PAGE


def _chart(each: Sequence[Gain]) -> Any:
    """Draws the gain of each method against the length."""
    variants = list(dict.fromkeys(gain.variant for gain in each))
    series = []
    for name in dict.fromkeys(gain.method for gain in each):
        own = [(gain, gain.difference) for gain in each if gain.method == name and gain.difference]
        if own:
            first = own[0][0]
            points = [(float(gain.length), difference.mean) for gain, difference in own]
            spread = [_interval(difference) for _, difference in own]
            labels = [f"length {gain.length}" for gain, _ in own]
            color = variants.index(first.variant) % 8
            series.append(Series(name, points, color, DASHES.index(first.control), spread, labels))
    return chart(series, "length", "gain in quality at equal diversity", "Gain over the start against length")


def _interval(difference: Difference) -> tuple[float, float]:
    """Returns the interval of a difference; with a single seed, which has none, the mean twice."""
    bounds = (difference.low, difference.high)
    return bounds if all(map(math.isfinite, bounds)) else (difference.mean, difference.mean)


def _row(gain: Gain) -> dict[str, str]:
    """Formats a row of the table of gains."""
    found = gain.difference
    return {
        "length": str(gain.length),
        "method": gain.method,
        "verdict": gain.verdict,
        "kind": gain.verdict if gain.verdict in ("better", "worse") else "",
        "axes": f"{gain.quality} at equal {gain.diversity}",
        "mean": f"{found.mean:+.3f}" if found else "",
        "interval": f"{found.low:+.3f} to {found.high:+.3f}" if found and math.isfinite(found.low) else "",
        "p": f"{gain.corrected:.3f}" if found else "",
    }


def _finite(difference: Difference | None) -> Any:
    """Returns a difference for JSON; infinite and NaN values become text."""
    if difference is None:
        return None
    return {key: value if _is_finite(value) else str(value) for key, value in asdict(difference).items()}


def _is_finite(value: Any) -> bool:
    return isinstance(value, tuple | list) or math.isfinite(value)
