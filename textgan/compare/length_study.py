"""A study of lengths: the same comparison with sentences of several lengths, and what each method gains at each.

A folder of comparisons, one a length, each complete in itself. A method's gain is its quality above that of its own
start, at equal diversity: so what likelihood training reaches at a length is not counted for anybody.
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
from textgan.compare.reporting.report import DASHES, JSON, PAGE, render
from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.recipe import load
from textgan.runs.atomic import write_text

FILE = "lengths.json"
TEMPLATE = "lengths.html"
SHOWN = ("", "continued", "constant")
"""The controls beside which a gain is shown; "" are the variants."""


@dataclass(frozen=True)
class Study:
    """A comparison for each length, in order."""

    folder: Path
    lengths: Sequence[int]

    def plans(self) -> dict[int, Plan]:
        return {length: plans.read(self.home(length)) for length in self.lengths}

    def home(self, length: int) -> Path:
        return self.folder / f"length-{length}"


@dataclass(frozen=True)
class Gain:
    """What a method gains over its start at one length.

    Args:
        difference: over the seeds; None where on some of them the two are nowhere equally diverse.
        corrected: its p-value among all methods and lengths.
        verdict: "better" than its start and so on; "incomparable" without a difference.
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
    """The plans of all lengths, written to the folder.

    A source that makes text of a length, as the oracle does, makes it of that length; of all other text the sentences
    are taken that are no longer.
    """
    recipes = {
        length: [load(name, [*changes, _setting(name, changes, length)]) for name in names] for length in lengths
    }
    study = Study(folder, lengths)
    for length, each in recipes.items():
        plans.make_plan(each, settings, study.home(length))
    write_text(folder / FILE, json.dumps({"lengths": list(lengths)}) + "\n")
    return study


def read(folder: Path) -> Study | None:
    """The study that was begun there, None if there is none."""
    if not (folder / FILE).is_file():
        return None
    return Study(folder, json.loads((folder / FILE).read_text(encoding="utf-8"))["lengths"])


def _setting(name: str, changes: Sequence[str], length: int) -> str:
    data = load(name, changes).filled["data"]["name"]
    own = "length" in spec.read(registry.find("data", data)).options
    return f"{'data.length' if own else 'max_len'}={length}"


def gains(found: Sequence[tuple[int, Results]]) -> list[Gain]:
    """Every variant and its controls, at every length at which they and their start were measured."""
    if not found:
        raise UserError("no length has been measured")
    level = found[0][1].plan.settings.alpha
    asked = [(length, each, method) for length, each in found for method in each.plan.methods if _counts(method, each)]
    made = [_difference(each, method) for _, each, method in asked]
    corrected = holm([difference.p if difference else 1.0 for _, difference in made])
    return [
        Gain(
            length,
            method.name,
            method.variant,
            method.control,
            *names,
            difference,
            p,
            verdict(difference, p, level, each.margin, len(asked)) if difference else "incomparable",
        )
        for (length, each, method), (names, difference), p in zip(asked, made, corrected, strict=True)
    ]


def _counts(method: Method, found: Results) -> bool:
    return method.control in SHOWN and method.start in found.measured and method.name in found.measured


def _difference(found: Results, method: Method) -> tuple[tuple[str, str], Difference | None]:
    """The axes, and quality minus that of its start over the seeds that both have."""
    one, other = ({seed: run.points for seed, run in found.measured[n].items()} for n in (method.name, method.start))
    names = axes([one, other], found.usable)
    means = []
    for seed in sorted(one.keys() & other.keys()):
        first, second = (frontier_of(points[seed], *names) for points in (one, other))
        apart = gap(first, second) if first and second else None
        if apart is None:
            return names, None
        means.append(apart.mean)
    return names, paired(means, [0.0] * len(means), found.plan.settings.alpha) if means else None


def write(study: Study, found: Sequence[tuple[int, Results]]) -> Path:
    """The page and the same numbers as JSON; returns the page's path."""
    each = gains(found)
    content = {
        "title": "Gain over the start against length",
        "lengths": [{"length": length, "page": f"{study.home(length).name}/{PAGE}"} for length, _ in found],
        "missing": [length for length in study.lengths if length not in dict(found)],
        "picture": _picture(each),
        "rows": [_row(gain) for gain in each],
        "settings": found[0][1].plan.settings,
        "ranked": found[0][1].plan.settings.shorter == 1,
    }
    write_text(study.folder / PAGE, render(TEMPLATE, content))
    document = [{**asdict(gain), "difference": _finite(gain.difference)} for gain in each]
    write_text(study.folder / JSON, json.dumps(document, indent=2, allow_nan=False) + "\n")
    return study.folder / PAGE


def _picture(each: Sequence[Gain]) -> Any:
    variants = list(dict.fromkeys(gain.variant for gain in each))
    series = []
    for name in dict.fromkeys(gain.method for gain in each):
        mine = [(gain, gain.difference) for gain in each if gain.method == name and gain.difference]
        if mine:
            one = mine[0][0]
            points = [(float(gain.length), difference.mean) for gain, difference in mine]
            spread = [_interval(difference) for _, difference in mine]
            labels = [f"length {gain.length}" for gain, _ in mine]
            colour = variants.index(one.variant) % 8
            series.append(Series(name, points, colour, DASHES.index(one.control), spread, labels))
    return chart(series, "length", "gain in quality at equal diversity", "Gain over the start against length")


def _interval(difference: Difference) -> tuple[float, float]:
    """A single seed has none: its point."""
    found = (difference.low, difference.high)
    return found if all(map(math.isfinite, found)) else (difference.mean, difference.mean)


def _row(gain: Gain) -> dict[str, str]:
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
    if difference is None:
        return None
    return {key: value if _is_finite(value) else str(value) for key, value in asdict(difference).items()}


def _is_finite(value: Any) -> bool:
    return isinstance(value, tuple | list) or math.isfinite(value)
