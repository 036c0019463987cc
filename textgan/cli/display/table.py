"""Formats the result of a run: a table of metrics and a sentence about the controls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from textgan.cli.display.output import figure
from textgan.core.escape import visible

Columns = Mapping[str, Mapping[str, float]]
ARROWS = {"higher": "↑", "lower": "↓"}


def row_name(name: str, better: Mapping[str, str]) -> Text:
    """Returns a metric's name, with an arrow if one direction is better."""
    return Text.assemble(visible(name), (f" {ARROWS[better[name]]}" if name in better else "", "dim"))


def metric_table(columns: Columns, better: Mapping[str, str]) -> Table:
    """Returns a table with a row for each metric and a column for each phase and control. Best values are bold."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(Text(visible(column)), justify="right", overflow="fold")
    for name in dict.fromkeys(name for values in columns.values() for name in values):
        row = [values.get(name) for values in columns.values()]
        best = best_of(row, better.get(name))
        cells = [
            Text(
                "" if value is None else figure(value),
                style="bold" if value is not None and value == best else "",
            )
            for value in row
        ]
        table.add_row(row_name(name, better), *cells)
    return table


def leading(names: Iterable[str], better: Mapping[str, str]) -> list[str]:
    """Returns the most important metrics, for views without room for all.

    These are the metrics with a better direction, and of a numbered family, such as bleu2 to bleu5, the last.
    """
    directed = [name for name in names if name in better]
    last = {name.rstrip("0123456789"): name for name in directed}
    return [name for name in directed if last[name.rstrip("0123456789")] == name]


def best_of(row: Sequence[float | None], direction: str | None) -> float | None:
    """Returns the best value of a row, or None if no direction is better or all values are equal."""
    values = [value for value in row if value is not None and not math.isnan(value)]
    if direction is None or len(set(values)) < 2:
        return None
    return max(values) if direction == "higher" else min(values)


def signature_lines(signatures: Sequence[str]) -> Iterator[Text]:
    """Yields a line for each metric that states how it was computed."""
    for signature in signatures:
        yield Text(visible(signature), style="dim", overflow="fold")


def control_sentence(controls: Mapping[str, Any], starts: Mapping[str, str | None]) -> str:
    """Describes the controls by their start and by the recipe keys that they change.

    Args:
        controls: name -> changes, as in the recipe.
        starts: name -> the phase from whose last checkpoint a control starts, or None if it starts from scratch.
    """
    origins = {name: f"the checkpoint at the end of {starts[name]}" if starts[name] else "scratch" for name in controls}
    keys = {name: " and ".join(changed_keys(changes)) for name, changes in controls.items()}
    if len(set(origins.values())) == 1:
        parts = "; ".join(f"{name} changes {keys[name]}" for name in controls)
        return f"Controls start from {next(iter(origins.values()))}: {parts}."
    parts = "; ".join(f"{name} starts from {origins[name]} and changes {keys[name]}" for name in controls)
    return f"Controls: {parts}."


def changed_keys(changes: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yields the dotted keys that a control changes. A component counts as one key."""
    if isinstance(changes, Mapping) and changes and "name" not in changes:
        for key, value in changes.items():
            yield from changed_keys(value, (*path, str(key)))
    else:
        yield ".".join(path)
