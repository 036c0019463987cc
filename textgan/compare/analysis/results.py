"""From what was measured to what may be said: axes, curves, pairs, verdicts, red flags."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textgan.compare.analysis import flags
from textgan.compare.analysis.axes import AXES, Runs, axes, frontier_of, shared
from textgan.compare.analysis.frontier import Gap, gap
from textgan.compare.analysis.metric_check import Checked
from textgan.compare.analysis.statistics import Difference, Verdict, holm, paired, seeds_needed, verdict
from textgan.compare.design.plan import FAILED, MEASURED, Plan

LIKELIHOOD = "likelihood, at its best"
"""The union of what likelihood training reaches, over its steps and all temperatures."""


@dataclass(frozen=True)
class Measurement:
    """One method with one seed: a point for each temperature."""

    points: Sequence[Mapping[str, float]]
    texts: Sequence[str]
    cost: Mapping[str, Mapping[str, float]]
    drift: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    chosen: Mapping[str, Any] = field(default_factory=dict)
    """The checkpoint that validation chose, and between which; empty where none was."""
    signatures: Sequence[str] = ()
    """How each metric was computed, of how many sentences."""

    def plain(self) -> Mapping[str, float]:
        """At temperature 1."""
        return next(point for point in self.points if point["temperature"] == 1)


@dataclass(frozen=True)
class Pair:
    """One method beside another.

    Args:
        first, second: their names.
        quality, diversity: the axes, the first pair of metrics that both have.
        difference: of quality at equal diversity, first minus second, over the seeds where both can be compared.
        corrected: its p-value among all pairs.
        verdict: what may be said of the first; "incomparable" where one only trades quality for diversity,
            "collapsed" where the first has a red flag that says so.
        ahead: share of the diversities at which the first is better, mean over seeds.
    """

    first: str
    second: str
    quality: str
    diversity: str
    difference: Difference | None
    corrected: float
    verdict: Verdict | str
    ahead: float


@dataclass(frozen=True)
class Results:
    """Everything that a report shows."""

    plan: Plan
    quality: str
    diversity: str
    measured: Mapping[str, Mapping[int, Measurement]]
    pairs: Sequence[Pair]
    flags: Mapping[str, Sequence[flags.Flag]]
    failed: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    margin: float = 0.0
    seeds_needed: int = 0
    checked: Checked | None = None
    usable: Sequence[tuple[str, str]] = AXES
    """The pairs of axes that its checks leave."""
    apart: Sequence[tuple[str, str]] = ()
    """Methods that would have been compared, had one quality and one diversity been measured for both."""

    @property
    def signatures(self) -> list[str]:
        """How the metrics were computed: of all runs, each once."""
        return sorted({text for runs in self.measured.values() for run in runs.values() for text in run.signatures})


def collect(plan: Plan) -> tuple[dict[str, dict[int, Measurement]], dict[str, dict[int, str]]]:
    """What was measured, and why the rest was not."""
    measured: dict[str, dict[int, Measurement]] = {}
    failed: dict[str, dict[int, str]] = {}
    for method, seed in plan.jobs():
        home = plan.home(method.name, seed)
        if (home / MEASURED).is_file():
            found = json.loads((home / MEASURED).read_text(encoding="utf-8"))
            measured.setdefault(method.name, {})[seed] = Measurement(**found)
        else:
            told = home / FAILED
            reason = json.loads(told.read_text(encoding="utf-8"))["reason"] if told.is_file() else "has not been run"
            failed.setdefault(method.name, {})[seed] = reason
    return measured, failed


def results(plan: Plan, checked: Checked | None = None) -> Results:
    """All that may be said of a comparison as far as it has been run.

    Args:
        checked: how its metrics rank known texts; those that do it wrongly are no axes.
    """
    usable = [names for names in AXES if not _failing(names, checked)]
    measured, failed = collect(plan)
    variants = [method.name for method in plan.methods if not method.control and method.name in measured]
    points = _points(plan, measured)
    quality, diversity = axes([points[name] for name in variants], usable)
    found_flags = {name: flags.flags(plan, name, runs, measured) for name, runs in measured.items()}
    sound = {
        method.name: measured[method.name]
        for method in plan.methods
        if method.name in measured
        and method.control != "early"
        and not any(flag.collapse for flag in found_flags[method.name])
    }
    margin = plan.settings.margin * _spread(sound, quality)
    wanted = [(one, other) for one, other in _asked(plan) if one in points and other in points]
    both = {pair: shared([points[name] for name in pair], usable) for pair in wanted}
    used = [names for names in both.values() if names]
    asked = [pair for pair, names in both.items() if names]
    apart = [pair for pair, names in both.items() if not names]
    gaps = [_gaps(points[one], points[other], *names) for (one, other), names in zip(asked, used, strict=True)]
    differences = [_difference(each, plan.settings.alpha) for each in gaps]
    corrected = holm([difference.p if difference else 1.0 for difference in differences])
    pairs = []
    for (one, other), names, each, difference, p in zip(asked, used, gaps, differences, corrected, strict=True):
        said = _verdict(difference, p, plan, margin, len(asked), found_flags.get(one, ()))
        said = said if plan.settings.shorter == 1 else "not ranked: a quick look"
        ahead = sum(g.ahead for g in each if g) / len(each) if each and all(each) else math.nan
        pairs.append(Pair(one, other, *names, difference, p, said, ahead))
    needed = seeds_needed(len(asked), plan.settings.alpha)
    about = (margin, needed, checked, usable, apart)
    return Results(plan, quality, diversity, measured, pairs, found_flags, failed, *about)


def _failing(names: tuple[str, str], checked: Checked | None) -> bool:
    pairs = zip(names, ("quality", "diversity"), strict=True)
    return checked is not None and any(checked.ranks(name, axis) is False for name, axis in pairs)


def _points(plan: Plan, measured: Mapping[str, Mapping[int, Measurement]]) -> dict[str, Runs]:
    """The points of each method and seed, and of likelihood training as a whole."""
    points: dict[str, Runs] = {name: {s: run.points for s, run in runs.items()} for name, runs in measured.items()}
    likelihood: dict[int, list[Mapping[str, float]]] = {}
    starts = {method.start for method in plan.methods}  # one may be a variant, such as mle
    for method in plan.methods:
        if method.control in ("start", "early", "continued") or method.name in starts:
            for seed, each in points.get(method.name, {}).items():
                likelihood.setdefault(seed, []).extend(each)
    return points | ({LIKELIHOOD: likelihood} if likelihood else {})


def _asked(plan: Plan) -> list[tuple[str, str]]:
    """The pairs that a reader wants to know of: variants beside each other, and beside what stands against them."""
    variants = [method for method in plan.methods if not method.control]
    pairs = [(one.name, other.name) for i, one in enumerate(variants) for other in variants[i + 1 :]]
    for variant in variants:
        pairs.append((variant.name, LIKELIHOOD))
        if variant.constant:
            pairs.append((variant.name, variant.constant))
        pairs += [(variant.name, m.name) for m in plan.methods if m.best_of and m.variant == variant.name]
    return pairs


def _gaps(one: Runs, other: Runs, quality: str, diversity: str) -> list[Gap | None]:
    """For each seed that both have; None where neither is ahead, or nothing finite was measured."""
    found = []
    for seed in sorted(one.keys() & other.keys()):
        first, second = (frontier_of(runs[seed], quality, diversity) for runs in (one, other))
        found.append(gap(first, second) if first and second else None)
    return found


def _difference(gaps: Sequence[Gap | None], level: float) -> Difference | None:
    """Over the seeds; None if on any of them neither is ahead, or there is no seed."""
    means = [each.mean for each in gaps if each]
    return paired(means, [0.0] * len(means), level) if means and len(means) == len(gaps) else None


def _verdict(
    difference: Difference | None, p: float, plan: Plan, margin: float, count: int, found: Sequence[flags.Flag]
) -> Verdict | str:
    if any(flag.collapse for flag in found):
        return "collapsed"
    if difference is None:
        return "incomparable"
    return verdict(difference, p, plan.settings.alpha, margin, count)


def _spread(measured: Mapping[str, Mapping[int, Measurement]], quality: str) -> float:
    """Between the best and the worst mean quality at temperature 1.

    Not of what has collapsed, nor of what was stopped early: next to these, any two methods would be alike.
    """
    means = []
    for runs in measured.values():
        values = [run.plain()[quality] for run in runs.values() if math.isfinite(run.plain()[quality])]
        if values:
            means.append(sum(values) / len(values))
    return max(means) - min(means) if means else 0.0
