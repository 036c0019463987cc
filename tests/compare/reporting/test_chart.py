"""Tests charts: scales, marks, legends, bands, and lines outside the frame."""

from __future__ import annotations

import re

import pytest

from textgan.compare.reporting.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Series, _Scale, chart

LINE = '<polyline class="line c0" points="'


def points_of(picture: str) -> list[tuple[float, ...]]:
    (points,) = re.findall(r'class="line c0" points="([^"]+)"/><circle', picture)
    return [tuple(map(float, pair.split(","))) for pair in points.split()]


def test_names_of_phases_stay_inside_the_picture() -> None:
    """After a long pre-training, all other phases start at the right edge."""
    series = Series("a", [(0.0, 1.0), (100.0, 2.0)])
    marks = [(0.0, "pretrain-g"), (99.0, "pretrain-d"), (100.0, "adversarial-of-many-rounds")]
    picture = str(chart([series], "rounds", "nll", "Training", marks))
    found = re.findall(
        r'<text x="([-.\d]+)" y="[-.\d]+" text-anchor="(start|end)">(pretrain-.|adv[^<]*)</text>', picture
    )
    assert [name for _, _, name in found] == [name for _, name in marks]
    for x, anchor, name in found:
        width = 9 * len(name)
        left = float(x) - (width if anchor == "end" else 0)
        assert left >= 0, name
        assert left + width <= WIDTH, name


def test_points_are_scaled_and_lines_are_named() -> None:
    picture = chart([Series("<a>", [(0, 0), (1, 2)], labels=["t 1", "t 2"])], "x", "y", "title & more")
    assert "&lt;a&gt;" in picture
    assert "title &amp; more" in picture
    assert "&lt;a&gt;, t 2</title>" in picture
    (x0, y0), (x1, y1) = points_of(picture)
    assert LEFT < x0 < x1 < WIDTH - RIGHT
    assert HEIGHT - BOTTOM > y0 > y1 > TOP, "y increases upwards"


def test_empty_series_are_skipped_and_a_single_point_has_a_scale() -> None:
    assert chart([], "x", "y", "empty") == ""
    assert chart([Series("empty", [])], "x", "y", "empty") == ""
    picture = chart([Series("empty", []), Series("flat", [(1, 1)])], "x", "y", "one point")
    assert "flat" in picture
    assert "empty" not in picture
    assert points_of(picture) == [(LEFT + (WIDTH - RIGHT - LEFT) / 2, TOP + (HEIGHT - BOTTOM - TOP) / 2)]


def test_unframed_line_does_not_change_the_scale() -> None:
    sound = Series("sound", [(0, 0), (1, 2)])
    far = Series("far", [(0.5, 1), (-100, 1), (0.6, 99)], labels=["t 1", "t 2", "t 3"], framed=False)
    alone, both = chart([sound], "x", "y", "one"), chart([sound, far], "x", "y", "two")
    assert alone.split(LINE)[1].split('"')[0] == both.split(LINE)[1].split('"')[0]
    assert "far (points outside the frame not shown)" in both
    assert "not shown), t 1</title>" in both
    assert "t 2" not in both
    assert "t 3" not in both
    assert "nan" not in chart([far], "x", "y", "only an unframed line")
    inside = Series("inside", [(0.5, 1)], framed=False)
    assert "not shown" not in chart([sound, inside], "x", "y", "two")


def test_band_surrounds_the_line_and_is_within_the_scale() -> None:
    picture = chart([Series("a", [(0, 1), (1, 2)], spread=[(0, 4), (1, 5)])], "x", "y", "band")
    (band,) = re.findall(r'<polygon class="band c0" points="([^"]+)"', picture)
    corners = [tuple(map(float, pair.split(","))) for pair in band.split()]
    assert len(corners) == 4
    assert all(TOP <= y <= HEIGHT - BOTTOM for _, y in corners)
    line = points_of(picture)
    assert corners[0][1] < line[0][1] < corners[3][1]


def test_dash_patterns_are_classes_of_line_and_legend() -> None:
    picture = str(chart([Series("a", [(0, 1)], color=3, dash=2)], "x", "y", "dash"))
    assert picture.count('class="line c3 d2"') == 2
    assert Series("b", []).pattern == ""


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, -1.9), (0, 725), (1e-6, 3e-6)])
def test_ticks_are_round_and_within_the_scale(low: float, high: float) -> None:
    scale = _Scale.of([low, float("inf"), high], 0, 100)
    ticks = scale.ticks()
    assert 3 <= len(ticks) <= 7
    assert all(scale.contains(tick) for tick in ticks)
    step = ticks[1] - ticks[0]
    assert float(f"{step:.9g}") == float(f"{step:.2g}")
