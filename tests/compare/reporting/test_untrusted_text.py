"""Tests that hostile samples and names are shown but never interpreted: page, tables, terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.planting import curve

from textgan.cli.display import comparison_view
from textgan.compare.analysis.results import Results, results
from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.compare.length_study import Study
from textgan.compare.length_study import write as write_study
from textgan.compare.reporting import tables
from textgan.compare.reporting.report import write
from textgan.recipe import Recipe
from textgan.runs.cost import COUNTS

NAMES = ("=HYPERLINK(1)", "\\input{x} $ & % \x1b[31m <b>")
TEXTS = (
    "=1+1",
    "\x1b]0;hijacked\x07",
    "<script>hijacked()</script>",
    "a \u202e b",
    "\\immediate\\write18{rm}",
    "| a |",
    "`x`",
)


@pytest.fixture
def found(recipes: list[Recipe], tmp_path: Path) -> Results:
    plan = make_plan([r.named(n) for r, n in zip(recipes, NAMES, strict=True)], Settings(seeds=2), tmp_path / "out")
    for method in (*NAMES, f"{NAMES[0]}: start"):
        for seed in range(2):
            home = plan.home(method, seed)
            home.mkdir(parents=True)
            cost = {part: dict.fromkeys(COUNTS, 1.0) for part in ("start", "after")}
            content = {"points": curve(0.1, unique=0.05 if method == NAMES[1] else 0.9)(seed), "texts": TEXTS}
            (home / "measured.json").write_text(json.dumps({**content, "cost": cost}), encoding="utf-8")
    (plan.home(f"{NAMES[0]}: early", 0)).mkdir(parents=True)
    reason = json.dumps({"reason": "\x1b[2J<i>gone</i>"})
    (plan.home(f"{NAMES[0]}: early", 0) / "failed.json").write_text(reason, encoding="utf-8")
    return results(plan)


def test_page_has_only_elements_of_the_template(found: Results) -> None:
    text = write(found).read_text(encoding="utf-8")
    for wrong in ("<script>hijacked", "<b>", "<i>", "\x1b", "\x07", "\u202e"):
        assert wrong not in text
    for shown in ("&lt;script&gt;hijacked()&lt;/script&gt;", "&lt;b&gt;", "&lt;i&gt;gone", "\\x1b[2J"):
        assert shown in text


def test_csv_has_no_formulas(found: Results) -> None:
    rows = list(csv.reader(io.StringIO(tables.csv_text(found))))
    assert "'=HYPERLINK(1)" in {row[0] for row in rows}
    texts = [cell for row in rows for cell in row[:5]]
    assert not [cell for cell in texts if cell.startswith(tables.RISKY)]
    assert not [cell for cell in texts if "\x1b" in cell]
    assert all(float(row[5]) == float(row[5]) for row in rows[1:]), "numbers stay numbers, with their minus"


def test_latex_commands_are_escaped(found: Results) -> None:
    text = tables.latex(found)
    assert "\\input" not in text
    assert "\\textbackslash{}input\\{x\\} \\$ \\& \\%" in text
    assert "\x1b" not in text


def test_terminal_gets_no_control_sequences(found: Results, capsys: pytest.CaptureFixture[str]) -> None:
    comparison_view._print_verdicts(found)
    shown = capsys.readouterr().out
    assert "collapsed" in shown
    assert "\x1b[31m" not in shown
    assert "\\x1b[31m" in shown.replace("\n", "")


def test_page_of_a_length_study_is_escaped(found: Results, tmp_path: Path) -> None:
    text = write_study(Study(tmp_path, [5]), [(5, found)]).read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "&lt;b&gt;" in text
    assert "\x1b" not in text


def test_samples_that_look_like_template_code_are_shown(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1), "two": curve(0.0)}, seeds=2, texts=('"></td><td id="rows">', "{% raw %}"))
    text = write(results(plan)).read_text(encoding="utf-8")
    assert text.count('id="rows"') == 1
    assert "{% raw %}" in text
