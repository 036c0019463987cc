"""Turns measurements into statistical conclusions: axes, paired differences, verdicts and red flags."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textgan.compare.analysis import flags
from textgan.compare.analysis.axes import AXES, Runs, axes, find_axes, frontier_of
from textgan.compare.analysis.frontier import Gap, gap
from textgan.compare.analysis.metric_check import MetricCheck
from textgan.compare.analysis.statistics import Difference, Verdict, holm, paired, seeds_needed, verdict
from textgan.compare.design.plan import FAILED, MEASURED, Plan

LIKELIHOOD = "likelihood training (best)"
"""The union of all points that likelihood training reaches: start, early and continued, at all temperatures."""
NOT_RANKED = "not ranked (quick test)"


@dataclass(frozen=True)
class Measurement:
    """The measurements of one method with one seed.

    Args:
        points: metrics at each temperature, with the key "temperature".
        texts: samples at temperature 1.
        cost: "start" and "after" -> count -> amount.
        drift: exposure curves: kind of text -> nats per token at each position.
        chosen: the selected checkpoint and its candidates; empty without checkpoint selection.
        signatures: how each metric was computed, and from how many sentences.
    """

    points: Sequence[Mapping[str, float]]
    texts: Sequence[str]
    cost: Mapping[str, Mapping[str, float]]
    drift: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    chosen: Mapping[str, Any] = field(default_factory=dict)
    signatures: Sequence[str] = ()

    def at_temperature_1(self) -> Mapping[str, float]:
        """Returns the metrics at temperature 1."""
        return next(point for point in self.points if point["temperature"] == 1)


@dataclass(frozen=True)
class Pair:
    """A method compared with another one.

    Args:
        first: the method that the verdict is about.
        second: the method that it is compared with.
        quality: quality axis, of the first pair of axes that both methods have.
        diversity: diversity axis of the same pair.
        difference: of quality at equal diversity, first minus second, over the seeds with measurements of both; None
            if on some seed neither is ahead.
        corrected: p-value, corrected for all pairs.
        verdict: the conclusion about the first: "incomparable" if one is better but less diverse, "collapsed" if the
            first has a red flag for collapse.
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
    """The results of a comparison, as reports show them.

    Args:
        plan: the plan of the comparison.
        quality: quality axis of the charts, measured for all variants.
        diversity: diversity axis of the charts.
        measured: method -> seed -> measurement.
        pairs: the compared pairs with their verdicts.
        flags: method -> red flags.
        failed: method -> seed -> why there is no measurement.
        margin: differences of quality below it are irrelevant.
        seeds_needed: the fewest seeds with which the difference of a pair can be significant.
        checked: the check of the metrics on texts of known quality.
        usable: the pairs of axes that pass this check.
        not_compared: pairs of methods without common axes.
    """

    plan: Plan
    quality: str
    diversity: str
    measured: Mapping[str, Mapping[int, Measurement]]
    pairs: Sequence[Pair]
    flags: Mapping[str, Sequence[flags.Flag]]
    failed: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    margin: float = 0.0
    seeds_needed: int = 0
    checked: MetricCheck | None = None
    usable: Sequence[tuple[str, str]] = AXES
    not_compared: Sequence[tuple[str, str]] = ()

    @property
    def signatures(self) -> list[str]:
        """The metric signatures of all runs, each once."""
        return sorted({text for runs in self.measured.values() for run in runs.values() for text in run.signatures})


def collect(plan: Plan) -> tuple[dict[str, dict[int, Measurement]], dict[str, dict[int, str]]]:
    """Reads the measurements of a comparison.

    Returns:
        method -> seed -> measurement, and method -> seed -> reason for runs without one.
    """
    measured: dict[str, dict[int, Measurement]] = {}
    failed: dict[str, dict[int, str]] = {}
    for method, seed in plan.jobs():
        home = plan.home(method.name, seed)
        if (home / MEASURED).is_file():
            found = json.loads((home / MEASURED).read_text(encoding="utf-8"))
            measured.setdefault(method.name, {})[seed] = Measurement(**found)
        else:
            file = home / FAILED
            reason = json.loads(file.read_text(encoding="utf-8"))["reason"] if file.is_file() else "has not been run"
            failed.setdefault(method.name, {})[seed] = reason
    return measured, failed


def results(plan: Plan, checked: MetricCheck | None = None) -> Results:
    """Computes the results of a comparison from the runs that have been measured so far.

    Args:
        plan: the plan of the comparison.
        checked: the check of its metrics on texts of known quality; metrics that fail it are not used as axes.

    Raises:
        UserError: if nothing was measured, or no pair of axes was measured for all variants.
    """
    usable = [names for names in AXES if not _fails(names, checked)]
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
    candidates = [(one, other) for one, other in _candidates(plan) if one in points and other in points]
    axes_of = {pair: find_axes([points[name] for name in pair], usable) for pair in candidates}
    compared = {pair: names for pair, names in axes_of.items() if names}
    not_compared = [pair for pair, names in axes_of.items() if not names]
    gaps = [_gaps(points[one], points[other], *names) for (one, other), names in compared.items()]
    differences = [_difference(each, plan.settings.alpha) for each in gaps]
    corrected = holm([difference.p if difference else 1.0 for difference in differences])
    pairs = []
    for ((one, other), names), each, difference, p in zip(compared.items(), gaps, differences, corrected, strict=True):
        conclusion = _verdict(difference, p, plan, margin, len(compared), found_flags.get(one, ()))
        conclusion = conclusion if plan.settings.shorter == 1 else NOT_RANKED
        ahead = sum(g.ahead for g in each if g) / len(each) if each and all(each) else math.nan
        pairs.append(Pair(one, other, *names, difference, p, conclusion, ahead))
    needed = seeds_needed(len(compared), plan.settings.alpha)
    rest = (margin, needed, checked, usable, not_compared)
    return Results(plan, quality, diversity, measured, pairs, found_flags, failed, *rest)


def _fails(names: tuple[str, str], checked: MetricCheck | None) -> bool:
    pairs = zip(names, ("quality", "diversity"), strict=True)
    return checked is not None and any(checked.passes(name, axis) is False for name, axis in pairs)


def _points(plan: Plan, measured: Mapping[str, Mapping[int, Measurement]]) -> dict[str, Runs]:
    """Returns the points of each method and seed, and under the name LIKELIHOOD those of all likelihood training."""
    points: dict[str, Runs] = {name: {s: run.points for s, run in runs.items()} for name, runs in measured.items()}
    likelihood: dict[int, list[Mapping[str, float]]] = {}
    starts = {method.start for method in plan.methods}  # a start may be a variant, such as mle
    for method in plan.methods:
        if method.control in ("start", "early", "continued") or method.name in starts:
            for seed, each in points.get(method.name, {}).items():
                likelihood.setdefault(seed, []).extend(each)
    return points | ({LIKELIHOOD: likelihood} if likelihood else {})


def _candidates(plan: Plan) -> list[tuple[str, str]]:
    """Returns the pairs to compare: variants with each other, and each variant with its controls."""
    variants = [method for method in plan.methods if not method.control]
    pairs = [(one.name, other.name) for i, one in enumerate(variants) for other in variants[i + 1 :]]
    for variant in variants:
        pairs.append((variant.name, LIKELIHOOD))
        if variant.constant:
            pairs.append((variant.name, variant.constant))
        pairs += [(variant.name, m.name) for m in plan.methods if m.best_of and m.variant == variant.name]
    return pairs


def _gaps(one: Runs, other: Runs, quality: str, diversity: str) -> list[Gap | None]:
    """Computes the gap for each common seed; None where neither is ahead or no point is finite."""
    found = []
    for seed in sorted(one.keys() & other.keys()):
        first, second = (frontier_of(runs[seed], quality, diversity) for runs in (one, other))
        found.append(gap(first, second) if first and second else None)
    return found


def _difference(gaps: Sequence[Gap | None], alpha: float) -> Difference | None:
    """Computes the difference over the seeds; None if one of them has no gap, or there are no seeds."""
    means = [each.mean for each in gaps if each]
    return paired(means, [0.0] * len(means), alpha) if means and len(means) == len(gaps) else None


def _verdict(
    difference: Difference | None, p: float, plan: Plan, margin: float, count: int, found: Sequence[flags.Flag]
) -> Verdict | str:
    if any(flag.collapse for flag in found):
        return "collapsed"
    if difference is None:
        return "incomparable"
    return verdict(difference, p, plan.settings.alpha, margin, count)


def _spread(measured: Mapping[str, Mapping[int, Measurement]], quality: str) -> float:
    """Computes the distance between the best and the worst mean quality at temperature 1.

    Collapsed and early methods must be left out: they would widen the spread until all other methods are equivalent.
    """
    means = []
    for runs in measured.values():
        values = [run.at_temperature_1()[quality] for run in runs.values()]
        finite = [value for value in values if math.isfinite(value)]
        if finite:
            means.append(sum(finite) / len(finite))
    return max(means) - min(means) if means else 0.0
