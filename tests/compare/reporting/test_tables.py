"""Tests tables: metrics, metric check, JSON, CSV and LaTeX, with values that are missing or infinite."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable

import pytest
from support.planting import curve

from textgan.compare.analysis.metric_check import MetricCheck
from textgan.compare.analysis.results import Results, results
from textgan.compare.design.plan import Plan
from textgan.compare.reporting import tables


@pytest.fixture
def found(planted: Callable[..., Plan]) -> Results:
    """ "two" has an infinite metric, and one that "one" does not have."""

    def two(seed: int) -> list[dict[str, float]]:
        return [{**point, "nll_oracle": math.inf, "mauve": 0.5} for point in curve(0.0)(seed)]

    values = {"one": curve(0.1, noise=lambda seed: 0.1 * seed), "two": two}
    plan = planted(values, seeds=3)
    run = plan.home("one", 0) / "run"
    run.mkdir()
    summary = {"better": {"bleu4": "higher", "self_bleu4": "lower"}}
    (run / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return results(plan)


def row_of(found: Results, metric: str) -> list[str]:
    (row,) = (r for r in tables.metric_rows(found, ["one", "two"])["rows"] if r["name"].split(" ")[0] == metric)
    return row["cells"]  # type: ignore[no-any-return]


def test_metrics_are_means_with_intervals_at_temperature_1(found: Results) -> None:
    table = tables.metric_rows(found, ["one", "two"])
    assert table["names"] == ["one", "two"]
    names = [row["name"] for row in table["rows"]]
    assert "bleu4 ↑" in names
    assert "self_bleu4 ↓" in names
    assert "unique" in names, "no arrow without a direction"
    assert "temperature" not in names
    one, two = row_of(found, "bleu4")
    assert one.startswith("0.500 (0.")
    assert two == "0.300 (0.300 to 0.300)"


def test_missing_and_infinite_metrics_are_distinguished(found: Results) -> None:
    assert row_of(found, "mauve") == ["", "0.500 (0.500 to 0.500)"]
    assert row_of(found, "nll_oracle") == ["", "inf"]


def test_single_seed_has_no_interval(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": curve(0.1), "two": curve(0.0)}, seeds=1))
    assert row_of(found, "bleu4") == ["0.400", "0.300"]
    assert "0.400 &" in tables.latex(found)


def test_metric_check_lists_what_a_metric_ranks_below_real_text_and_where_it_fails(
    planted: Callable[..., Plan],
) -> None:
    kinds = {"real": 0.5, "shuffled": 0.4, "repeated": 0.6}
    values = {kind: {"unique": value} for kind, value in kinds.items()}
    values["real"]["novelty"] = 1.0
    plan = planted({"one": curve(0.1), "two": curve(0.0)}, seeds=2)
    table = tables.checks(results(plan, MetricCheck(values, {"unique": "higher"})))
    assert table["kinds"] == ["real", "shuffled", "repeated"]
    assert table["rows"] == [
        {"name": "unique", "cells": ["0.500", "0.400", "0.600"], "below_real": ["shuffled"], "failed": ["diversity"]},
        {"name": "novelty", "cells": ["1.000", "", ""], "below_real": [], "failed": []},
    ]
    assert tables.checks(results(plan)) == {"kinds": [], "rows": []}


def test_document_is_valid_json_without_infinite_numbers(found: Results) -> None:
    document = tables.document(found)
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again["methods"]["two"]["0"]["points"][0]["nll_oracle"] == "inf"
    assert again["methods"]["one"]["2"]["points"][1]["bleu4"] == pytest.approx(0.6)
    assert [pair["verdict"] for pair in again["pairs"]] == [pair.verdict for pair in found.pairs]
    assert again["pairs"][0]["difference"]["detectable"] == "inf"
    assert again["flags"] == {}
    assert again["settings"]["alpha"] == 0.1
    assert (again["quality"], again["diversity"]) == (found.quality, found.diversity)


def test_csv_has_every_number_of_every_temperature(found: Results) -> None:
    rows = list(csv.DictReader(io.StringIO(tables.csv_text(found))))
    wanted = {
        (name, seed, point["temperature"], metric): value
        for name, runs in found.measured.items()
        for seed, run in runs.items()
        for point in run.points
        for metric, value in point.items()
        if metric != "temperature"
    }
    read = {(r["method"], int(r["seed"]), float(r["temperature"]), r["metric"]): float(r["value"]) for r in rows}
    assert read == wanted
    assert len(rows) == len(wanted)


def test_latex_has_mean_and_deviation_and_a_dash_for_missing_or_infinite_values(found: Results) -> None:
    lines = tables.latex(found).splitlines()
    assert lines[0] == "% mean and standard deviation over 3 seeds, 2000 samples, temperature 1"
    assert lines[1] == r"\begin{tabular}{lrr}"
    assert r"bleu4 & $0.500 \pm 0.100$ & $0.300 \pm 0.000$ \\" in lines
    assert r"nll\_oracle & -- & -- \\" in lines
    assert lines[-1] == r"\end{tabular}"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1"])
def test_text_that_a_spreadsheet_would_evaluate_is_prefixed(text: str) -> None:
    assert tables._inert(text) == f"'{text}"
    assert tables._inert(f"a{text}") == f"a{text}"
    assert tables._inert("seqgan: start") == "seqgan: start"


def test_values_that_round_to_zero_have_no_minus() -> None:
    assert tables._cell([-0.0001], 0.1) == "0.000"
    assert tables._cell([0.0, 0.0, 0.001], 0.1).startswith("0.000 (0.000 to 0.001")
