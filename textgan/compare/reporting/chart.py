"""Draws line charts as inline SVG without scripts or external requests; colors come from the page's style sheet."""

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
    """A line of a chart.

    Args:
        name: shown in the legend and in tooltips.
        points: (x, y) in drawing order.
        color: 0 to 7, a class of the page's style sheet.
        dash: 0 is a solid line, 1 to 5 are dash patterns, for controls.
        spread: (low, high) of y for each point, drawn as a band; empty for no band.
        labels: tooltip of each point.
        framed: whether the axes are scaled to include it. Points of an unframed line outside the frame are not drawn.
    """

    name: str
    points: Sequence[Point]
    color: int = 0
    dash: int = 0
    spread: Sequence[Point] = ()
    labels: Sequence[str] = ()
    framed: bool = True

    @property
    def pattern(self) -> str:
        """The CSS class of its dash pattern, with a leading space; empty for a solid line."""
        return f" d{self.dash}" if self.dash else ""


def chart(series: Sequence[Series], x: str, y: str, title: str, marks: Sequence[tuple[float, str]] = ()) -> Markup:
    """Draws a chart as SVG with a legend; returns an empty string if no series has points.

    Args:
        series: the lines.
        x: label of the x axis.
        y: label of the y axis.
        title: title of the image, for screen readers.
        marks: (x, name) of vertical lines, such as the start of a phase.
    """
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
    """Returns the points of a line within the frame, without a band; its name tells whether points were removed."""
    kept = [index for index, (x, y) in enumerate(one.points) if across.contains(x) and up.contains(y)]
    name = one.name if len(kept) == len(one.points) else f"{one.name} (points outside the frame not shown)"
    labels = [one.labels[index] for index in kept if index < len(one.labels)]
    return replace(one, name=name, points=[one.points[index] for index in kept], spread=(), labels=labels)


@dataclass(frozen=True)
class _Scale:
    """Maps values between `low` and `high` linearly to pixels between `start` and `end`."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def of(cls, values: Iterable[float], start: float, end: float) -> _Scale:
        """Returns a scale for all finite values, with a margin of 5% on both sides."""
        found = [value for value in values if math.isfinite(value)] or [0.0]
        low, high = min(found), max(found)
        margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
        return cls(low - margin, high + margin, start, end)

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Returns about TICKS round values within the scale."""
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
    rotated = Markup('<text transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text>')
    parts.append(rotated.format(middle, y))
    return Markup("").join(parts)


def _mark(at: float, name: str, across: _Scale, row: int) -> Markup:
    """Draws a vertical line with its name.

    Names alternate between three rows, so that those of adjacent lines do not overlap, and are on the side of the line
    that has more space.
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
    return Markup('<polygon class="band c{}" points="{}"/>').format(one.color, path)


def _line(one: Series, across: _Scale, up: _Scale) -> Markup:
    kind = f"line c{one.color}{one.pattern}"
    parts = [Markup('<polyline class="{}" points="{}"/>').format(kind, _path(one.points, across, up))]
    for index, (x, y) in enumerate(one.points):
        label = f"{one.name}, {one.labels[index]}" if index < len(one.labels) else one.name
        dot = Markup('<circle class="dot c{}" cx="{}" cy="{}" r="3.5"><title>{}</title></circle>')
        parts.append(dot.format(one.color, across(x), up(y), label))
    return Markup("").join(parts)


def _path(points: Iterable[Point], across: _Scale, up: _Scale) -> str:
    return " ".join(f"{across(x)},{up(y)}" for x, y in points)


def _legend(drawn: Sequence[Series]) -> Markup:
    items = []
    for one in drawn:
        swatch = Markup(
            '<svg viewBox="0 0 24 8" aria-hidden="true"><polyline class="line c{}{}" points="0,4 24,4"/></svg>'
        )
        items.append(Markup("<li>{}{}</li>").format(swatch.format(one.color, one.pattern), escape(one.name)))
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(items))
