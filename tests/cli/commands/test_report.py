"""`textgan report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.planting import curve

from textgan import recipe as recipes
from textgan.compare import length_study
from textgan.compare.analysis import metric_check
from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.runs.cost import COUNTS

SEEDS = 3


def write_measurements(plan: Plan, quality: float) -> None:
    """Writes the files of a comparison's runs, as if each method had been run."""
    for method, seed in plan.jobs():
        home = plan.home(method.name, seed)
        home.mkdir(parents=True)
        measured = {
            "points": curve(quality if not method.control else 0.0)(seed),
            "texts": ["the dog sees the cat"],
            "signatures": [],
            "cost": {part: dict.fromkeys(COUNTS, 1.0) for part in ("start", "after")},
        }
        (home / "measured.json").write_text(json.dumps(measured), encoding="utf-8")


@pytest.fixture(autouse=True)
def _metrics_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of the metrics on known texts takes seconds, and has its own tests."""
    monkeypatch.setattr(metric_check, "check_metrics", lambda plan: None)


def test_report_of_a_comparison(textgan, recipe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_measurements(make_plan([recipes.load(recipe)], Settings(seeds=SEEDS), folder), 0.1)
    code, out, err = textgan("report", folder)
    assert (code, out, err) == (0, f"{folder / 'report.html'}\n", "")
    assert {"report.html", "results.json", "results.csv", "results.tex"} <= {file.name for file in folder.iterdir()}


def test_report_of_several_lengths_leaves_out_those_without_results(textgan, recipe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    study = length_study.make_plan([str(recipe)], [], [4, 5], Settings(seeds=SEEDS), folder)
    write_measurements(study.plans()[4], 0.1)
    code, out, _ = textgan("report", folder)
    assert (code, out) == (0, f"{folder / 'report.html'}\n")
    assert (study.home(4) / "report.html").is_file()
    assert not (study.home(5) / "report.html").exists()


def test_a_folder_without_a_comparison(textgan, tmp_path: Path) -> None:
    code, out, err = textgan("report", tmp_path)
    assert (code, out) == (2, "")
    assert "comparison.json" in err or "no comparison" in err
