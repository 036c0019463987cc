"""Figures, the final table, the sentence about controls, and the clock."""

from __future__ import annotations

import io
import json
import math

import pytest
from rich.console import Console

from textgan.cli.display.output import duration, figure, plural, write_json
from textgan.cli.display.eta import Pace, pace_of, told
from textgan.cli.display.table import best_of, changed, control_sentence, leading, metric_table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.34567, "2.346"),
        (0.0, "0.000"),
        (1.0, "1.000"),
        (25.0, "25"),
        (1234.5, "1,234.5"),
        (12345678.9, "12,345,679"),
        (0.00001, "1.0e-05"),
        (-0.25, "-0.250"),
        (math.nan, "-"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_figures(value, shown):
    assert figure(value) == shown


def test_durations_and_plurals():
    assert [duration(s) for s in (0, 9.6, 65, 3_723)] == ["0:00", "0:10", "1:05", "1:02:03"]
    assert [plural(1, "control"), plural(2_000, "phase"), plural(2, "entry", "entries")] == [
        "1 control",
        "2,000 phases",
        "2 entries",
    ]


def test_json_is_json_whatever_was_measured(capsys):
    write_json({"a": math.nan, "b": [math.inf], "c": frozenset({"y", "x"}), "d": "\x1b\u202e", "e": None})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": None, "b": ["inf"], "c": ["x", "y"], "d": "\x1b\u202e", "e": None}
    assert "\x1b" not in out
    assert out.isascii()


def test_the_table_marks_directions_and_the_best():
    columns = {"pretrain": {"nll": 2.5, "bleu": 0.5, "n": 3.0}, "[red]gan": {"nll": 2.25, "bleu": 0.25, "extra": 1.0}}
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={}, color_system="standard")
    console.print(metric_table(columns, {"nll": "lower", "bleu": "higher"}))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for text in ("[red]gan", "↓", "↑", "2.250\x1b[0m", "0.500\x1b[0m", "extra"):
        assert text in shown, text
    for text in ("2.500\x1b[0m", "0.250\x1b[0m", "3.000\x1b[0m"):
        assert text not in shown, text


def test_the_best_of_a_row():
    assert best_of([1.0, 2.0, None, math.nan], "higher") == 2.0
    assert best_of([1.0, 2.0], "lower") == 1.0
    assert best_of([1.0, 1.0], "lower") is None
    assert best_of([1.0, 2.0], None) is None


def test_where_room_is_short_directed_metrics_lead_and_the_last_of_a_family_stands_for_it():
    better = dict.fromkeys(("bleu2", "bleu5", "nll", "self_bleu2"), "lower")
    assert leading(["bleu2", "bleu5", "entropy", "nll", "self_bleu2"], better) == ["bleu5", "nll", "self_bleu2"]


def test_controls_are_described_by_what_they_change():
    changes = {
        "constant-reward": {"reward": {"name": "constant", "value": 1}},
        "continued-mle": {"phases": {"adversarial": {"turns": ["likelihood"]}, "pretrain-d": None}},
    }
    assert list(changed(changes["continued-mle"])) == ["phases.adversarial.turns", "phases.pretrain-d"]
    begun = dict.fromkeys(changes, "pretrain-g")
    assert control_sentence(changes, begun) == (
        "Controls set out from the end of pretrain-g: constant-reward changes reward; "
        "continued-mle changes phases.adversarial.turns and phases.pretrain-d."
    )
    mixed = control_sentence(changes, {"constant-reward": None, "continued-mle": "pretrain-g"})
    assert mixed.startswith("Controls: constant-reward starts anew and changes reward; continued-mle sets out")


def test_the_clock_knows_what_it_measured_and_says_what_it_does_not():
    pace = Pace([("a", 100), ("b", 50), ("c", 10)])
    pace.glance(0, 0, 0.0)
    assert told(pace.estimate(0, 0), "") == "measuring the speed, then b, c"
    pace.glance(0, 20, 10.0)
    estimate = pace.estimate(0, 20)
    assert (estimate.speed, estimate.phase, estimate.total) == (2.0, 40.0, 40.0)
    assert told(estimate, "2 controls") == "0:40 left in this phase, then b, c, 2 controls"
    pace.glance(1, 1, 50.0)
    pace.glance(1, 11, 60.0)
    assert pace.times == {0: 50.0}
    assert pace.estimate(1, 11).phase == 39.0
    known = Pace([("a", 100), ("b", 50)], {"a": 2.0, "b": 1.0}).estimate(0, 0)
    assert told(known, "") == "0:50 left in this phase, 1:40 in all"


def test_the_clock_of_a_resumed_phase_counts_from_where_it_went_on():
    pace = Pace([("a", 100)])
    pace.glance(0, 90, 5.0)
    pace.glance(0, 92, 6.0)
    assert pace.estimate(0, 92).phase == 4.0


def test_speeds_read_well():
    assert [pace_of(speed) for speed in (None, 31.2, 3.14, 0.4)] == ["", "31 rounds/s", "3.1 rounds/s", "2.5 s/round"]
