"""The page is whole, small, and safe with whatever a model writes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from support.planting import curve

from textgan.compare.analysis.results import results
from textgan.compare.design.plan import Plan
from textgan.compare.reporting.chart import Series, chart
from textgan.compare.reporting.report import write

HOSTILE = (
    "<script>alert(1)</script>",
    "</td><img src=x onerror=alert(1)>",
    "\x1b[31mred \u202eright to left",
    "{{ 7 * 7 }} \\input{x} &amp; \"quoted\" 'single'",
    "=cmd|' /C calc'!A0",
)


class Page(HTMLParser):
    """Collects tags, and what lies in table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture
def plan(planted: Callable[..., Plan]) -> Plan:
    return planted({"one": curve(0.1), "two": curve(0.0), "one: start": curve(0.0)}, seeds=3, texts=HOSTILE)


def test_hostile_text_is_inert(plan: Plan) -> None:
    html = write(results(plan)).read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert len(scripts) == 1, "the page's own"
    assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "link")]
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    shown = "".join(page.text)
    assert "<script>alert(1)</script>" in shown, "as text"
    assert "{{ 7 * 7 }}" in shown
    assert not re.search("[\x00-\x08\x0b\x1b\u202e]", html)
    assert r"\x1b[31mred" in shown


def test_nothing_is_asked_from_outside(plan: Plan) -> None:
    html = write(results(plan)).read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", html)
    assert "default-src 'none'" in html
    assert len(html) < 1_000_000


def test_the_same_numbers_for_programs(plan: Plan) -> None:
    found = results(plan)
    folder = write(found).parent
    document = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert [pair["adversarial"] for pair in document["pairs"]] == [pair.verdict for pair in found.pairs]
    assert document["signatures"] == ["bleu-4|hyps:2000"]
    assert (folder / "report.html").read_text(encoding="utf-8").count("bleu-4|hyps:2000") == 1
    rows = list(csv.DictReader(io.StringIO((folder / "results.csv").read_text(encoding="utf-8"))))
    wanted = {"method": "one", "seed": "2", "temperature": "1.0", "metric": "bleu4"}
    (row,) = (r for r in rows if wanted.items() <= r.items())
    assert float(row["value"]) == found.measured["one"][2].plain()["bleu4"]
    latex = (folder / "results.tex").read_text(encoding="utf-8")
    assert r"self\_bleu4" in latex
    assert latex.count(r"\\") == len({p for r in found.measured.values() for p in r[0].plain()})


def test_a_name_that_a_spreadsheet_would_run_is_not_run() -> None:
    from textgan.compare.reporting.tables import _inert

    assert _inert("=1+1") == "'=1+1"
    assert _inert("seqgan: start") == "seqgan: start"


def test_what_is_said_is_said_in_words(plan: Plan) -> None:
    html = write(results(plan)).read_text(encoding="utf-8")
    assert "one: not enough seeds beside two" in html
    assert "could count from" in html
    assert "two, seed" not in html
    assert "has not been run" in html, "of controls that were not planted"


def test_charts_place_points_and_name_lines() -> None:
    picture = chart([Series("<a>", [(0, 0), (1, 2)], labels=["t 1", "t 2"])], "x", "y", "title & more")
    assert "&lt;a&gt;" in picture
    assert "title &amp; more" in picture
    (points,) = re.findall(r'class="line c0" points="([^"]+)"/><circle', picture)
    (x0, y0), (x1, y1) = (map(float, pair.split(",")) for pair in points.split())
    assert x0 < x1
    assert y0 > y1, "up is more"
    assert chart([], "x", "y", "empty") == ""
    chart([Series("flat", [(1, 1)])], "x", "y", "a single point has no spread to scale by")


def test_a_collapsed_line_does_not_squeeze_the_others() -> None:
    sound = Series("sound", [(0, 0), (1, 2)])
    far = Series("far", [(0.5, 1), (-100, 1)], framed=False)
    alone, beside = chart([sound], "x", "y", "one"), chart([sound, far], "x", "y", "two")
    line = '<polyline class="line c0" points="'
    assert alone.split(line)[1].split('"')[0] == beside.split(line)[1].split('"')[0]
    assert "far (goes on outside)" in beside
    assert "nan" not in chart([far], "x", "y", "nothing but what is outside")
