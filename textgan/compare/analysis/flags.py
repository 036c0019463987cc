"""Red flags: warnings about a method that apply whatever its averages are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textgan.compare.design.plan import Plan

UNIQUE = 0.5
"""Collapse: the share of distinct samples is below this fraction of the start's."""
ENTROPY = 0.5
"""Collapse: the entropy is below this fraction of the start's."""
BELOW = 0.02
"""Collapse: `nll_oracle` is below the oracle's entropy by more than this fraction of it, more than sampling noise."""
SHORT = 0.25
"""Length change: the mean length differs from the start's by more than this fraction of it."""


@dataclass(frozen=True)
class Flag:
    """A warning about a method.

    Args:
        text: the warning, as a predicate of the method.
        collapse: whether it means that the method has collapsed.
    """

    text: str
    collapse: bool = False


CHANGED: Sequence[tuple[str, Callable[[float, float], bool], str, bool]] = (
    ("unique", lambda now, start: now < UNIQUE * start, "far fewer distinct samples than its start", True),
    ("entropy", lambda now, start: now < ENTROPY * start, "far lower entropy than its start", True),
    (
        "length_mean",
        lambda now, start: abs(now - start) > SHORT * start,
        f"mean sentence length differs from its start's by more than {SHORT:.0%}",
        False,
    ),
)
"""Metric, condition on (its value, the start's value), warning, whether it means collapse."""


def flags(plan: Plan, name: str, runs: Mapping[int, Any], measured: Mapping[str, Mapping[int, Any]]) -> list[Flag]:
    """Returns the warnings about a method, each once, with the seeds that it applies to if these are not all seeds.

    Args:
        plan: the plan of the comparison.
        name: the method.
        runs: seed -> measurement of the method.
        measured: method -> seed -> measurement, for the values of the method's start.
    """
    start = plan.method(name).start
    seeds_of: dict[Flag, list[int]] = {}
    for seed, run in sorted(runs.items()):
        before = measured.get(start, {}).get(seed)
        before_values = before.at_temperature_1() if before and name != start else None
        for flag in _flags_of(run.at_temperature_1(), before_values):
            seeds_of.setdefault(flag, []).append(seed)
    return [
        Flag(flag.text + ("" if len(seeds) == len(runs) else f" (seed {', '.join(map(str, seeds))})"), flag.collapse)
        for flag, seeds in seeds_of.items()
    ]


def _flags_of(values: Mapping[str, float], before: Mapping[str, float] | None) -> Iterator[Flag]:
    for rule in (_below_entropy, _impossible, _copies, _near_copies, _repetition):
        yield from rule(values)
    if before is not None:
        yield from _changed(values, before)


def _below_entropy(values: Mapping[str, float]) -> Iterator[Flag]:
    if values.get("nll_oracle", 1.0) < (1 - BELOW) * values.get("oracle_entropy", 0.0):
        yield Flag("nll_oracle is below the oracle's entropy: samples likelier than real text indicate collapse", True)


def _impossible(values: Mapping[str, float]) -> Iterator[Flag]:
    if values.get("oracle_impossible", 0.0) > 0:
        yield Flag("generates sentences of probability 0 under the oracle, so nll_oracle is infinite")


def _copies(values: Mapping[str, float]) -> Iterator[Flag]:
    """Flags copies of training text above the rate in held-out text."""
    if values.get("copied_train", 0.0) > values.get("real_copied", 1.0) + 0.05:
        yield Flag("copies training sentences more often than held-out text does")


def _near_copies(values: Mapping[str, float]) -> Iterator[Flag]:
    """Flags near copies of training text above the rate in held-out text."""
    if values.get("near_train", 0.0) > values.get("near_real_copied", 1.0) + 0.05:
        yield Flag("generates near copies of training sentences more often than held-out text contains them")


def _repetition(values: Mapping[str, float]) -> Iterator[Flag]:
    """Flags word pairs that recur within a sentence, above the rate in held-out text."""
    if values.get("repeated2", 0.0) > values.get("repeated2_test", 1.0) + 0.05:
        yield Flag("repeats word pairs within sentences more often than held-out text does")


def _changed(values: Mapping[str, float], before: Mapping[str, float]) -> Iterator[Flag]:
    """Flags metrics that changed too much since the start."""
    for name, applies, text, collapse in CHANGED:
        if name in values and before.get(name, 0) > 0 and applies(values[name], before[name]):
            yield Flag(text, collapse)
