"""Tests the report: complete, self-contained, and safe with any sample text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from support.planting import curve

from textgan.compare.analysis.results import results
from textgan.compare.design.plan import Plan
from textgan.compare.reporting.report import LIKELIHOOD_MEANING, SENTENCES, write

HOSTILE = (
    "<script>alert(1)</script>",
    "</td><img src=x onerror=alert(1)>",
    "\x1b[31mred \u202eright to left",
    "{{ 7 * 7 }} \\input{x} &amp; \"quoted\" 'single'",
    "=cmd|' /C calc'!A0",
)


class Page(HTMLParser):
    """Collects tags and text."""

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


def test_hostile_text_is_escaped(plan: Plan) -> None:
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


def test_page_makes_no_external_requests(plan: Plan) -> None:
    html = write(results(plan)).read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", html)
    assert "default-src 'none'" in html
    assert len(html) < 1_000_000


def test_other_formats_have_the_same_numbers(plan: Plan) -> None:
    found = results(plan)
    folder = write(found).parent
    document = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert [pair["verdict"] for pair in document["pairs"]] == [pair.verdict for pair in found.pairs]
    assert document["signatures"] == ["bleu-4|hyps:2000"]
    assert (folder / "report.html").read_text(encoding="utf-8").count("bleu-4|hyps:2000") == 1
    rows = list(csv.DictReader(io.StringIO((folder / "results.csv").read_text(encoding="utf-8"))))
    wanted = {"method": "one", "seed": "2", "temperature": "1.0", "metric": "bleu4"}
    (row,) = (r for r in rows if wanted.items() <= r.items())
    assert float(row["value"]) == found.measured["one"][2].at_temperature_1()["bleu4"]
    latex = (folder / "results.tex").read_text(encoding="utf-8")
    assert r"self\_bleu4" in latex
    assert latex.count(r"\\") == len({p for r in found.measured.values() for p in r[0].at_temperature_1()})


def test_verdicts_and_missing_runs_are_stated_as_sentences(plan: Plan) -> None:
    html = write(results(plan)).read_text(encoding="utf-8")
    assert "one: not enough seeds for a comparison with two" in html
    assert "a difference can be significant only with at least 6 seeds; this comparison has 3" in html
    assert "two, seed" not in html
    assert "has not been run" in html, "controls without measurements"


def test_quick_test_ranks_nothing(plan: Plan) -> None:
    quick = replace(plan, settings=replace(plan.settings, shorter=10))
    html = write(results(quick)).read_text(encoding="utf-8")
    assert "Quick test: phases are 10 times shorter than in the recipes." in html
    assert '<td class="left ">not ranked (quick test)</td>' in html
    assert "not enough seeds" not in html


def test_budget_and_counts_are_in_the_lead(plan: Plan) -> None:
    settings = replace(plan.settings, budget={"tokens": 2e6}, seeds=1)
    html = write(results(replace(plan, settings=settings))).read_text(encoding="utf-8")
    methods = f"{len(plan.methods)} methods"
    assert f"1 seed, 2,000 samples per measurement, {methods}." in html
    assert "After its start, every method had a budget of 2,000,000 tokens." in html


@pytest.mark.parametrize(
    "conclusion", ["better", "worse", "equivalent", "no difference found", "incomparable", "collapsed"]
)
def test_each_verdict_has_a_sentence(plan: Plan, conclusion: str) -> None:
    found = results(plan)
    (pair, *_) = found.pairs
    changed = replace(found, pairs=[replace(pair, verdict=conclusion)])
    html = write(changed).read_text(encoding="utf-8")
    assert f"<p>one: {SENTENCES[conclusion].format('two')}.</p>" in html


def test_selected_checkpoints_are_listed_by_seed(plan: Plan) -> None:
    for seed, selected in enumerate((8, 6, 8)):
        file = plan.home("one", seed) / "measured.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        chosen = {"global_round": selected, "of": [6, 8], "quality": "bleu4", "diversity": "nll_test"}
        file.write_text(json.dumps(content | {"chosen": chosen}), encoding="utf-8")
    html = write(results(plan)).read_text(encoding="utf-8")
    assert (
        '<td class="left">8, 6, 8</td><td class="left">6, 8</td><td class="left">bleu4 at equal nll_test</td>' in html
    )


def test_likelihood_row_is_explained_where_it_occurs(plan: Plan) -> None:
    meaning = f"Likelihood training (best): {LIKELIHOOD_MEANING}."
    assert meaning in write(results(plan)).read_text(encoding="utf-8")
    alone = replace(plan, methods=[method for method in plan.methods if not method.control])
    alone = replace(alone, methods=[replace(method, start="") for method in alone.methods])
    assert meaning not in write(results(alone)).read_text(encoding="utf-8")
