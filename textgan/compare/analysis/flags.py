"""What a reader has to be warned of, whatever the averages say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textgan.compare.design.plan import Plan

UNIQUE = 0.5
"""Collapse: the share of different samples falls below this part of the start's."""
ENTROPY = 0.5
"""Collapse: the entropy falls below this part of the start's."""
BELOW = 0.02
"""Collapse: samples score below the oracle's entropy by more than this part of it, which chance does not."""
SHORT = 0.25
"""A length short-cut: the mean length is off the start's by more than this share."""


@dataclass(frozen=True)
class Flag:
    """A warning, and whether it means that the method has collapsed."""

    text: str
    collapse: bool = False


SHRUNK: Sequence[tuple[str, Callable[[float, float], bool], str, bool]] = (
    ("unique", lambda now, then: now < UNIQUE * then, "far fewer different samples than its start", True),
    ("entropy", lambda now, then: now < ENTROPY * then, "far less entropy than its start", True),
    ("length_mean", lambda now, then: abs(now - then) > SHORT * then, "sentences of another length", False),
)
"""Metric, what is wrong with (now, at the start), how it is told, whether it means collapse."""


def flags(plan: Plan, name: str, runs: Mapping[int, Any], measured: Mapping[str, Mapping[int, Any]]) -> list[Flag]:
    """The warnings of a method, each said once, with the seeds that it holds for."""
    start = plan.method(name).start
    found: dict[Flag, list[int]] = {}
    for seed, run in sorted(runs.items()):
        before = measured.get(start, {}).get(seed)
        for flag in _of(run.plain(), before.plain() if before and name != start else None):
            found.setdefault(flag, []).append(seed)
    return [
        Flag(flag.text + ("" if len(seeds) == len(runs) else f" (seed {', '.join(map(str, seeds))})"), flag.collapse)
        for flag, seeds in found.items()
    ]


def _of(values: Mapping[str, float], before: Mapping[str, float] | None) -> Iterator[Flag]:
    for rule in (_below_entropy, _impossible, _copies, _near_copies, _loops):
        yield from rule(values)
    if before is not None:
        yield from _shrunk(values, before)


def _below_entropy(values: Mapping[str, float]) -> Iterator[Flag]:
    if values.get("nll_oracle", 1.0) < (1 - BELOW) * values.get("oracle_entropy", 0.0):
        yield Flag("nll_oracle is below the oracle's own entropy: likelier text than the truth's is collapse", True)


def _impossible(values: Mapping[str, float]) -> Iterator[Flag]:
    if values.get("oracle_impossible", 0.0) > 0:
        yield Flag("writes sentences that the oracle never writes: nll_oracle is infinite")


def _copies(values: Mapping[str, float]) -> Iterator[Flag]:
    """Copies of training text beyond the rate at which held-out text repeats it."""
    if values.get("copied_train", 0.0) > values.get("real_copied", 1.0) + 0.05:
        yield Flag("copies training sentences more often than held-out text does")


def _near_copies(values: Mapping[str, float]) -> Iterator[Flag]:
    if values.get("near_train", 0.0) > values.get("near_real_copied", 1.0) + 0.05:
        yield Flag("comes near training sentences more often than held-out text does")


def _loops(values: Mapping[str, float]) -> Iterator[Flag]:
    """Pairs of words said again in one sentence, beyond the rate of held-out text."""
    if values.get("repeated2", 0.0) > values.get("repeated2_test", 1.0) + 0.05:
        yield Flag("repeats itself within sentences more often than held-out text does")


def _shrunk(values: Mapping[str, float], before: Mapping[str, float]) -> Iterator[Flag]:
    for name, wrong, text, collapse in SHRUNK:
        if name in values and before.get(name, 0) > 0 and wrong(values[name], before[name]):
            yield Flag(text, collapse)
