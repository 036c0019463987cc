"""Implements `textgan list`, which lists the components and recipes that can be named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from textgan.cli.base import Command, examples, json_option, plugin_option
from textgan.core import registry
from textgan.core.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

RECIPES = "recipes"


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    kinds = (*registry.KINDS.values(), RECIPES)
    return [CompletionItem(kind) for kind in kinds if kind.startswith(incomplete)]


@click.command(
    "list",
    cls=Command,
    epilog=examples(
        "textgan list                everything, by kind",
        "textgan list estimators",
        "textgan list recipes        bundled recipes",
    ),
)
@click.argument("kind", required=False, shell_complete=_complete)
@plugin_option
@json_option
def list_(kind: str | None, plugins: Sequence[Path], as_json: bool) -> None:
    """List components and recipes.

    Each line has the name, a summary and the provider.

    KIND is a kind of component, such as generator or generators, or "recipes"; default, everything.
    """
    from textgan.cli.display.output import result_console, write_json

    sections = {heading: _rows(heading) for heading in _headings(kind)}
    if as_json:
        write_json(sections)
        return
    console = result_console()
    for number, (heading, rows) in enumerate(sections.items()):
        if kind is None:
            console.print(f"{chr(10) * (number > 0)}{heading}", style="bold")
        if rows:
            console.print(_table(rows, indent=2 * (kind is None)))
        else:
            console.print(" " * 2 * (kind is None) + "none", style="dim")


def _headings(kind: str | None) -> list[str]:
    """Returns the plurals of the requested kinds. Raises UserError for an unknown kind."""
    plurals = [*registry.KINDS.values(), RECIPES]
    if kind is None:
        return plurals
    plural = {**registry.KINDS, "recipe": RECIPES}.get(kind, kind)
    if plural not in plurals:
        raise UserError(
            f"KIND={kind}: unknown kind; expected one of {', '.join(plurals)}"
            f"; for one component: textgan show {kind}{registry.suggest(kind, [*registry.KINDS, *plurals])}"
        )
    return [plural]


def _rows(plural: str) -> list[dict[str, Any]]:
    if plural == RECIPES:
        from textgan.recipe import bundled

        return [
            {"name": name, "summary": recipe_summary(file), "provider": "textgan"} for name, file in bundled().items()
        ]
    kind = next(kind for kind, name in registry.KINDS.items() if name == plural)
    return [_row(component) for component in registry.components(kind)]


def _row(component: registry.Component) -> dict[str, Any]:
    from textgan.core import spec

    try:
        summary = spec.read(component).summary
    except (UserError, SyntaxError, ValueError) as error:  # a broken plugin must not hide the others
        summary = f"cannot be read: {error}"
    return {
        "name": component.name,
        "summary": summary,
        "provider": f"{component.provider} {component.version}".strip(),
    }


def recipe_summary(file: Path) -> str:
    """Returns the first comment line of a recipe, or an empty text if it does not start with a comment."""
    with file.open(encoding="utf-8") as lines:
        first = next((line for line in lines if line.strip()), "")
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def _table(rows: Sequence[dict[str, Any]], indent: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    from textgan.core.escape import visible

    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_column(no_wrap=True)
    for row in rows:
        table.add_row(
            Text(" " * indent + visible(row["name"]), style="cyan"),
            Text(visible(row["summary"])),
            Text(visible(row["provider"]), style="dim"),
        )
    return table
