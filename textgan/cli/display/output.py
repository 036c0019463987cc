"""Consoles, JSON and figures. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console

from textgan.core.escape import visible

PIPED_WIDTH = 120


class _ResultConsole(Console):
    """A console for results: when nobody reads them any more, that is an error like any other."""

    def on_broken_pipe(self) -> None:
        raise  # rich calls this while it handles the error


class _ProgressConsole(Console):
    """A console for news: when nobody reads them any more, it falls silent, and the run goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


def result_console() -> Console:
    """Where results are written: nothing in them is read as markup."""
    return _ResultConsole(markup=False, highlight=False, emoji=False, width=_width(sys.stdout.isatty()))


def progress_console() -> Console:
    """Where progress is shown."""
    return _ProgressConsole(stderr=True, markup=False, highlight=False, emoji=False, width=_width(sys.stderr.isatty()))


def _width(terminal: bool) -> int | None:
    """A terminal's own width; elsewhere enough that few lines are folded."""
    return None if terminal or "COLUMNS" in os.environ else PIPED_WIDTH


def say(text: str) -> None:
    """One line on stderr."""
    click.echo(visible(text), err=True)


def write_json(value: Any) -> None:
    """One JSON document on stdout. All beyond ASCII is escaped, so that no text can steer a terminal."""
    click.echo(json.dumps(_finite(value), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    """JSON knows neither inf nor nan: they become text and null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(inner) for inner in value]
    return value


def figure(value: float) -> str:
    """A number as a table shows it: three decimals, fewer where it is large, none where it is whole."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value) and abs(value) >= 10:
        return f"{value:,.0f}"
    size = abs(value)
    if 0 < size < 0.001:
        return f"{value:.1e}"
    return f"{value:,.{3 if size < 100 else 1 if size < 10_000 else 0}f}"


def duration(seconds: float) -> str:
    """1:05, or 2:03:04."""
    whole = int(seconds + 0.5)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """'1 phase', '2 phases'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
