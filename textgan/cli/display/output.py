"""Writes results to stdout, progress to stderr, and formats numbers."""

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
    """Raises an error if the reader of the results has closed the pipe."""

    def on_broken_pipe(self) -> None:
        raise  # rich calls this while it handles the error


class _ProgressConsole(Console):
    """Becomes silent if the reader of the progress has closed the pipe, so that the run continues."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


def result_console() -> Console:
    """Returns a console on stdout that interprets no markup."""
    return _ResultConsole(markup=False, highlight=False, emoji=False, width=_width(sys.stdout.isatty()))


def progress_console() -> Console:
    """Returns a console on stderr that interprets no markup."""
    return _ProgressConsole(stderr=True, markup=False, highlight=False, emoji=False, width=_width(sys.stderr.isatty()))


def _width(terminal: bool) -> int | None:
    """Returns None, for a terminal's own width; otherwise a width that folds few lines."""
    return None if terminal or "COLUMNS" in os.environ else PIPED_WIDTH


def say(text: str) -> None:
    """Prints one line on stderr."""
    click.echo(visible(text), err=True)


def write_json(value: Any) -> None:
    """Prints one JSON document on stdout. Escapes all non-ASCII characters, so that no text can control a terminal."""
    click.echo(json.dumps(_to_json(value), indent=2, allow_nan=False))


def _to_json(value: Any) -> Any:
    """Converts a value to what JSON can express: nan becomes null, infinities become text, sets become lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _to_json(inner) for key, inner in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_to_json(inner) for inner in value]
    return value


def figure(value: float) -> str:
    """Formats a number for a table: three decimals, fewer if it is large, none if it is whole and at least 10."""
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
    """Formats seconds as 1:05 or 2:03:04."""
    whole = int(seconds + 0.5)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Formats a count with its noun: '1 phase', '2 phases'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
