"""How the outcome of a run is shown: a table, a sentence about its controls, samples."""

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
    """A metric's name, and an arrow where one direction is better."""
    return Text.assemble(visible(name), (f" {ARROWS[better[name]]}" if name in better else "", "dim"))


def metric_table(columns: Columns, better: Mapping[str, str]) -> Table:
    """Rows are metrics, columns phases and controls. A best value is bold."""
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(Text(visible(column)), justify="right", overflow="fold")
    for name in dict.fromkeys(name for values in columns.values() for name in values):
        row = [values.get(name) for values in columns.values()]
        best = best_of(row, better.get(name)) if len(columns) > 1 else None
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
    """The names that matter most where there is no room for all: those with a better direction, and of a
    numbered family, such as bleu2 to bleu5, the last.
    """
    directed = [name for name in names if name in better]
    last = {name.rstrip("0123456789"): name for name in directed}
    return [name for name in directed if last[name.rstrip("0123456789")] == name]


def best_of(row: Sequence[float | None], way: str | None) -> float | None:
    """The best value of a row, or None where no direction is better or all are equal."""
    values = [value for value in row if value is not None and not math.isnan(value)]
    if way is None or len(set(values)) < 2:
        return None
    return max(values) if way == "higher" else min(values)


def signature_lines(signatures: Sequence[str]) -> Iterator[Text]:
    """How the numbers were had."""
    for signature in signatures:
        yield Text(visible(signature), style="dim", overflow="fold")


def control_sentence(controls: Mapping[str, Any], begun: Mapping[str, str | None]) -> str:
    """What the controls are, taken from what they change.

    Args:
        controls: name -> changes, as the recipe has them.
        begun: name -> the phase at whose end a control sets out, or None if it starts anew.
    """
    told = []
    for name, changes in controls.items():
        start = f"sets out from the end of {begun[name]}" if begun[name] else "starts anew"
        told.append((name, start, " and ".join(changed(changes))))
    starts = {start for _, start, _ in told}
    if len(starts) == 1:
        # All alike: say it once.
        start = starts.pop().replace("sets out", "set out").replace("starts anew", "start anew")
        parts = "; ".join(f"{name} changes {keys}" for name, _, keys in told)
        return f"Controls {start}: {parts}."
    return "Controls: " + "; ".join(f"{name} {start} and changes {keys}" for name, start, keys in told) + "."


def changed(changes: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The dotted keys that a control changes; a component counts as one."""
    if isinstance(changes, Mapping) and changes and "name" not in changes:
        for key, value in changes.items():
            yield from changed(value, (*path, str(key)))
    else:
        yield ".".join(path)
