"""How fast a run goes and how long it still takes, from glances at where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textgan.cli.display.output import duration


class Estimate(NamedTuple):
    """Seconds.

    speed: rounds a second in this phase, or None while it is unknown.
    phase: left in this phase, or None.
    total: left in this and the later phases whose speed is known.
    unknown: later phases of unknown speed.
    """

    speed: float | None
    phase: float | None
    total: float
    unknown: Sequence[str]


class Eta:
    """The clock of one run, or of one control.

    Args:
        phases: name and rounds of each.
        speeds: what earlier runs showed: name -> rounds a second.
    """

    def __init__(self, phases: Sequence[tuple[str, int]], speeds: dict[str, float] | None = None) -> None:
        self.phases = phases
        self.speeds = dict(speeds or {})
        self.times: dict[int, float] = {}
        self.phase = -1
        self._begun = (0, 0.0)

    def update(self, phase: int, done: int, now: float) -> None:
        """`done` rounds of a phase were finished at a time. Cheap; called as often as the view is drawn."""
        if phase != self.phase:
            if self.phase >= 0:
                self.times[self.phase] = now - self._begun[1]
            self.phase, self._begun = phase, (done, now)
            return
        first, start = self._begun
        if done > first and now > start:
            self.speeds[self.phases[phase][0]] = (done - first) / (now - start)

    def estimate(self, phase: int, done: int) -> Estimate:
        """From here to the end."""
        name, rounds = self.phases[phase]
        speed = self.speeds.get(name)
        left = None if speed is None else (rounds - done) / speed
        later = self.phases[phase + 1 :]
        total = (left or 0.0) + sum(count / self.speeds[other] for other, count in later if other in self.speeds)
        return Estimate(speed, left, total, [other for other, count in later if other not in self.speeds and count])


def describe_eta(estimate: Estimate, then: str) -> str:
    """'0:36 left in this phase, 4:10 in all, then 2 controls'."""
    if estimate.phase is None:
        parts = ["measuring the speed"]
    else:
        parts = [f"{duration(estimate.phase)} left in this phase"]
        if estimate.total - estimate.phase >= 1:
            parts.append(f"{duration(estimate.total)} in all")
    after = [*estimate.unknown, *([then] if then else [])]
    if after:
        parts.append(f"then {', '.join(after)}")
    return ", ".join(parts)


def describe_speed(speed: float | None) -> str:
    """'3.1 rounds/s', or the other way round where a round takes long."""
    if not speed:
        return ""
    return (
        f"{speed:,.0f} rounds/s"
        if speed >= 10
        else f"{speed:.1f} rounds/s"
        if speed >= 1
        else f"{1 / speed:.1f} s/round"
    )
