"""Implements `textgan show`, which prints the documentation of a component or the text of a recipe."""

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
    from rich.console import Console

    from textgan.core.spec import Spec


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from textgan.recipe import bundled

    names = dict.fromkeys([*(c.name for c in registry.components()), *bundled()])
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command(
    cls=Command,
    epilog=examples("textgan show rollout", "textgan show seqgan", "textgan show lstm --json"),
)
@click.argument("name", shell_complete=_complete)
@plugin_option
@json_option
def show(name: str, plugins: Sequence[Path], as_json: bool) -> None:
    """Show the documentation of a component, or a recipe.

    A component is shown with its options and traits, a recipe as its text.

    NAME is a name from `textgan list`. If several kinds of components have it, all of them are shown.
    """
    from textgan.cli.display.output import result_console, write_json
    from textgan.core import spec
    from textgan.recipe import bundled

    specs = [spec.read(component) for component in registry.components() if component.name == name]
    recipes = [file for key, file in bundled().items() if key == name]
    if not specs and not recipes:
        every = [*(component.name for component in registry.components()), *bundled()]
        raise UserError(
            f"NAME={name}: unknown name; expected a component or a bundled recipe; `textgan list` shows all names"
            f"{registry.suggest(name, every)}"
        )
    if as_json:
        found = [*map(_as_dict, specs)]
        found += [
            {"kind": "recipe", "name": name, "file": str(file), "text": file.read_text(encoding="utf-8")}
            for file in recipes
        ]
        write_json(found[0] if len(found) == 1 else found)
        return
    console = result_console()
    for number, known in enumerate(specs):
        console.print("\n" * (number > 0), end="")
        _print(console, known)
    for file in recipes:
        console.print("\n" * bool(specs), end="")
        click.echo(file.read_text(encoding="utf-8"), nl=False)


def _as_dict(known: Spec) -> dict[str, Any]:
    """Returns a component's documentation for JSON."""
    from textgan.core.spec import MISSING

    component = known.component
    options = [
        {"name": o.name, "type": o.annotation, "required": o.default is MISSING, "meaning": o.doc}
        | ({} if o.default is MISSING else {"default": o.default})
        for o in known.options.values()
    ]
    return {
        "kind": component.kind,
        "name": component.name,
        "documentation": known.doc.strip(),
        "options": options,
        "receives": sorted(known.shared),
        "traits": dict(known.traits),
        "provider": f"{component.provider} {component.version}".strip(),
        "target": component.target,
    }


def _print(console: Console, known: Spec) -> None:
    """Prints a component's documentation, options and traits."""
    from rich.table import Table
    from rich.text import Text

    from textgan.core.escape import visible
    from textgan.core.spec import MISSING
    from textgan.recipe.type_text import describe_type

    component = known.component
    provider = f"{component.provider} {component.version}".strip()
    console.print(
        Text.assemble(
            (component.name, "bold cyan"), f"  {component.kind}", (f"  {provider}, {component.target}", "dim")
        )
    )
    for line in known.doc.strip().split("\n"):
        console.print(Text(visible(line)))
    if known.options:
        table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
        table.add_column("option", no_wrap=True)
        table.add_column("type", max_width=30)
        table.add_column("default", overflow="fold")
        table.add_column("meaning")
        for option in known.options.values():
            default = "required" if option.default is MISSING else _format(option.default)
            table.add_row(Text(option.name, "cyan"), Text(describe_type(option.type)), Text(default), Text(option.doc))
        console.print()
        console.print(table)
    if known.shared:
        console.print(Text.assemble("\n", ("receives from the run: ", "bold"), ", ".join(sorted(known.shared))))
    if known.traits:
        console.print("\ntraits", style="bold")
        for name, value in known.traits.items():
            console.print(Text(f"  {name}: {_format(value)}"))


def _format(value: Any) -> str:
    """Formats a value as in a recipe."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, frozenset | set):
        return ", ".join(sorted(map(_format, value))) or "none"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_format, value))}]"
    if isinstance(value, dict):
        return ", ".join(f"{_format(key)}: {_format(inner)}" for key, inner in value.items())
    return str(value)
