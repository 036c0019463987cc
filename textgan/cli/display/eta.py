"""Estimates the speed of a run and the time that remains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textgan.cli.display.output import duration


class Estimate(NamedTuple):
    """Holds estimated times in seconds.

    Args:
        speed: rounds per second in this phase, or None while it is unknown.
        phase: remaining time of this phase, or None while the speed is unknown.
        total: remaining time of this phase and of the later phases whose speed is known.
        unknown: names of the later phases whose speed is unknown.
    """

    speed: float | None
    phase: float | None
    total: float
    unknown: Sequence[str]


class Eta:
    """Measures the speed of each phase of a run, or of a control.

    Args:
        phases: name and number of rounds of each phase.
        speeds: known speeds, phase name -> rounds per second.
    """

    def __init__(self, phases: Sequence[tuple[str, int]], speeds: dict[str, float] | None = None) -> None:
        self.phases = phases
        self.speeds = dict(speeds or {})
        self.times: dict[int, float] = {}
        self.phase = -1
        self._start = (0, 0.0)

    def update(self, phase: int, done: int, now: float) -> None:
        """Records progress. Cheap: the live view calls it whenever it is drawn.

        Args:
            phase: index of the current phase.
            done: finished rounds of that phase.
            now: time in seconds, of any clock.
        """
        if phase != self.phase:
            if self.phase >= 0:
                self.times[self.phase] = now - self._start[1]
            self.phase, self._start = phase, (done, now)
            return
        first, start = self._start
        if done > first and now > start:
            self.speeds[self.phases[phase][0]] = (done - first) / (now - start)

    def estimate(self, phase: int, done: int) -> Estimate:
        """Estimates the time from `done` rounds of a phase to the end of the run."""
        name, rounds = self.phases[phase]
        speed = self.speeds.get(name)
        remaining = None if speed is None else (rounds - done) / speed
        later = self.phases[phase + 1 :]
        total = (remaining or 0.0) + sum(count / self.speeds[other] for other, count in later if other in self.speeds)
        return Estimate(
            speed, remaining, total, [other for other, count in later if other not in self.speeds and count]
        )


def describe_eta(estimate: Estimate, then: str) -> str:
    """Formats an estimate: '0:36 left in this phase, 4:10 in total, then 2 controls'.

    Args:
        then: what follows after all phases, or an empty text.
    """
    if estimate.phase is None:
        parts = ["measuring the speed"]
    else:
        parts = [f"{duration(estimate.phase)} left in this phase"]
        if estimate.total - estimate.phase >= 1:
            parts.append(f"{duration(estimate.total)} in total")
    following = [*estimate.unknown, *([then] if then else [])]
    if following:
        parts.append(f"then {', '.join(following)}")
    return ", ".join(parts)


def describe_speed(speed: float | None) -> str:
    """Formats a speed: '3.1 rounds/s', or '2.5 s/round' if a round takes more than a second."""
    if not speed:
        return ""
    return (
        f"{speed:,.0f} rounds/s"
        if speed >= 10
        else f"{speed:.1f} rounds/s"
        if speed >= 1
        else f"{1 / speed:.1f} s/round"
    )
