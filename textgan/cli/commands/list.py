"""`textgan list`: what a recipe can name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from textgan.core import registry
from textgan.cli.base import Command, examples, json_option, plugin_option
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
        "textgan list recipes        those that come with the toolkit",
    ),
)
@click.argument("kind", required=False, shell_complete=_complete)
@plugin_option
@json_option
def list_(kind: str | None, plugins: Sequence[Path], as_json: bool) -> None:
    """List components and recipes.

    KIND is a kind of component, such as generator or generators, or "recipes"; everything if it is left out.
    Each has its name, what it is, and who provides it.
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
            console.print(" " * 2 * (kind is None) + "none yet", style="dim")


def _headings(kind: str | None) -> list[str]:
    plurals = [*registry.KINDS.values(), RECIPES]
    if kind is None:
        return plurals
    plural = {**registry.KINDS, "recipe": RECIPES}.get(kind, kind)
    if plural not in plurals:
        raise UserError(
            f'there is no kind "{kind}"{registry.suggest(kind, [*registry.KINDS, *plurals])}; '
            f"there are: {', '.join(plurals)}. For one component: textgan show {kind}"
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
    """A recipe's first comment line."""
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
