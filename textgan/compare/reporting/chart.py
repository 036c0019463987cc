"""Line charts as inline SVG: no script, no outside request, colours from the page so that they follow its theme."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 16, 12, 48
TICKS = 5
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line.

    Args:
        name: in the legend and for screen readers.
        points: in drawing order.
        colour: 0 to 7, a class of the page's style sheet.
        dash: 0 is a full line, 1 to 5 are dashes, for controls.
        spread: for each point (low, high) of y, or none.
        labels: for each point, shown when it is pointed at.
        framed: whether the frame is drawn around it, too; of one that is not, what lies outside is left out.
    """

    name: str
    points: Sequence[Point]
    colour: int = 0
    dash: int = 0
    spread: Sequence[Point] = ()
    labels: Sequence[str] = ()
    framed: bool = True

    @property
    def pattern(self) -> str:
        """The class of its dashes, behind that of its colour."""
        return f" d{self.dash}" if self.dash else ""


def chart(series: Sequence[Series], x: str, y: str, title: str, marks: Sequence[tuple[float, str]] = ()) -> Markup:
    """An SVG picture. marks: vertical lines with a name, such as where a phase begins."""
    drawn = [one for one in series if one.points]
    if not drawn:
        return Markup("")
    framed = [one for one in drawn if one.framed] or drawn
    across = _Scale.of([*(p[0] for one in framed for p in one.points), *(at for at, _ in marks)], LEFT, WIDTH - RIGHT)
    up = _Scale.of(
        [*(p[1] for one in framed for p in one.points), *(v for one in framed for s in one.spread for v in s)],
        HEIGHT - BOTTOM,
        TOP,
    )
    drawn = [one if one.framed else _within(one, across, up) for one in drawn]
    parts = [_axes(across, up, x, y), *(_mark(*each, across, row) for row, each in enumerate(marks))]
    parts += [_band(one, across, up) for one in drawn if one.spread]
    parts += [_line(one, across, up) for one in drawn]
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>')
    return head.format(WIDTH, HEIGHT, title, title) + Markup("").join(parts) + Markup("</svg>") + _legend(drawn)


def _within(one: Series, across: _Scale, up: _Scale) -> Series:
    """What of a line lies in the frame; its name says if some does not. It has no band."""
    kept = [place for place, (x, y) in enumerate(one.points) if across.holds(x) and up.holds(y)]
    name = one.name if len(kept) == len(one.points) else f"{one.name} (goes on outside)"
    labels = [one.labels[place] for place in kept if place < len(one.labels)]
    return replace(one, name=name, points=[one.points[place] for place in kept], spread=(), labels=labels)


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, values: Iterable[float], start: float, end: float) -> _Scale:
        found = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(found), max(found)
        room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        return cls(low - room, high + room, start, end)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """About TICKS round numbers."""
        raw = (self.high - self.low) / TICKS
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= raw)
        first = math.ceil(self.low / step)
        return [n * step for n in range(first, math.floor(self.high / step) + 1)]


def _axes(across: _Scale, up: _Scale, x: str, y: str) -> Markup:
    parts = []
    for value in across.ticks():
        at = across(value)
        parts.append(
            Markup('<line class="grid" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(at, TOP, HEIGHT - BOTTOM)
        )
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="middle">{:g}</text>').format(
                at, HEIGHT - BOTTOM + 16, round(value, 9)
            )
        )
    for value in up.ticks():
        at = up(value)
        parts.append(Markup('<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(LEFT, WIDTH - RIGHT, at))
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="end">{:g}</text>').format(LEFT - 6, at + 4, round(value, 9))
        )
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x)
    )
    turned = Markup('<text transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text>')
    parts.append(turned.format(middle, y))
    return Markup("").join(parts)


def _mark(at: float, name: str, across: _Scale, row: int) -> Markup:
    """Names stand in three rows by turns, so that those of near lines do not run into each other, and on the side of
    their line where there is more room.
    """
    side, anchor = (4, "start") if across(at) < WIDTH / 2 else (-4, "end")
    line = Markup(
        '<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/><text x="{3}" y="{4}" text-anchor="{5}">{6}</text>'
    )
    return line.format(across(at), TOP, HEIGHT - BOTTOM, across(at) + side, TOP + 14 + 18 * (row % 3), anchor, name)


def _band(one: Series, across: _Scale, up: _Scale) -> Markup:
    upper = [(p[0], s[1]) for p, s in zip(one.points, one.spread, strict=True)]
    lower = [(p[0], s[0]) for p, s in zip(one.points, one.spread, strict=True)]
    path = _path([*upper, *reversed(lower)], across, up)
    return Markup('<polygon class="band c{}" points="{}"/>').format(one.colour, path)


def _line(one: Series, across: _Scale, up: _Scale) -> Markup:
    kind = f"line c{one.colour}{one.pattern}"
    parts = [Markup('<polyline class="{}" points="{}"/>').format(kind, _path(one.points, across, up))]
    for place, (x, y) in enumerate(one.points):
        label = f"{one.name}, {one.labels[place]}" if place < len(one.labels) else one.name
        dot = Markup('<circle class="dot c{}" cx="{}" cy="{}" r="3.5"><title>{}</title></circle>')
        parts.append(dot.format(one.colour, across(x), up(y), label))
    return Markup("").join(parts)


def _path(points: Iterable[Point], across: _Scale, up: _Scale) -> str:
    return " ".join(f"{across(x)},{up(y)}" for x, y in points)


def _legend(drawn: Sequence[Series]) -> Markup:
    items = []
    for one in drawn:
        swatch = Markup(
            '<svg viewBox="0 0 24 8" aria-hidden="true"><polyline class="line c{}{}" points="0,4 24,4"/></svg>'
        )
        items.append(Markup("<li>{}{}</li>").format(swatch.format(one.colour, one.pattern), escape(one.name)))
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(items))
