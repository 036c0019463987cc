"""Consoles, JSON and the formatting of numbers."""

from __future__ import annotations

import json
import math

import pytest
from rich.console import Console

from textgan.cli.display.output import (
    PIPED_WIDTH,
    duration,
    figure,
    plural,
    progress_console,
    result_console,
    say,
    write_json,
)


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
def test_figures(value: float, shown: str) -> None:
    assert figure(value) == shown


def test_durations() -> None:
    assert [duration(s) for s in (0, 9.6, 65, 3_723)] == ["0:00", "0:10", "1:05", "1:02:03"]


def test_plurals() -> None:
    assert [plural(1, "control"), plural(2_000, "phase"), plural(2, "entry", "entries")] == [
        "1 control",
        "2,000 phases",
        "2 entries",
    ]


def test_json_is_valid_for_any_value(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"a": math.nan, "b": [math.inf], "c": frozenset({"y", "x"}), "d": "\x1b\u202e", "e": None})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": None, "b": ["inf"], "c": ["x", "y"], "d": "\x1b\u202e", "e": None}
    assert "\x1b" not in out
    assert out.isascii()


def test_say_prints_one_safe_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nb \x1b[31m")
    assert tuple(capsys.readouterr()) == ("", "a\\nb \\x1b[31m\n")


@pytest.mark.parametrize("make", [result_console, progress_console])
def test_consoles_interpret_no_markup(make, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console: Console = make()
    assert console.width == PIPED_WIDTH
    console.print("[bold]loud[/bold] :smile: 12")
    out, err = capsys.readouterr()
    assert out + err == "[bold]loud[/bold] :smile: 12\n"
    assert bool(err) is (make is progress_console)


def test_columns_of_the_environment_set_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    assert result_console().width == 77


def test_a_closed_pipe_stops_results_but_not_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        encoding = "utf-8"

        def write(self, _: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

        def flush(self) -> None: ...

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr("sys.stdout", Gone())
    monkeypatch.setattr("sys.stderr", Gone())
    with pytest.raises(BrokenPipeError):
        result_console().print("x")
    console = progress_console()
    console.print("x")
    assert console.quiet
