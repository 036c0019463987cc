"""Implements `textgan check`, which reports every problem of a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from textgan.cli.base import Command, complete_recipe, examples, json_option, plugin_option

if TYPE_CHECKING:
    from textgan.recipe import Recipe


@click.command(
    cls=Command,
    epilog=examples(
        "textgan check mine.yaml",
        "textgan check seqgan estimator.rollouts=16",
        "textgan check mine.yaml --filled           print the recipe with all default values",
    ),
)
@click.argument("recipe", shell_complete=complete_recipe)
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--filled", is_flag=True, help="Print the recipe with all default values.")
@plugin_option
@json_option
def check(recipe: str, settings: Sequence[str], filled: bool, plugins: Sequence[Path], as_json: bool) -> None:
    """Check a recipe and summarize it.

    All problems are reported together.

    RECIPE is a file or the name of a bundled recipe. KEY=VALUE changes one of its values.
    """
    from textgan import recipe as recipes
    from textgan.cli.display.output import write_json

    checked = recipes.load(recipe, settings)
    if as_json:
        write_json({"ok": True, "name": checked.name, "file": checked.file, "recipe": checked.filled})
    elif filled:
        click.echo(checked.yaml(), nl=False)
    else:
        click.echo(f"{checked.file}: ok")
        for line in summary(checked):
            click.echo(f"  {line}")


def summary(recipe: Recipe) -> Iterator[str]:
    """Yields one line for each player, phase and other part of a recipe."""
    from textgan.recipe.schema import BLOCKS

    filled = recipe.filled
    width = max(len(name) for name in ("controls", *BLOCKS))
    for kind in BLOCKS:
        if filled[kind] is not None:
            yield f"{kind:<{width}}  {describe_component(filled[kind])}"
    for name, phase in filled["phases"].items():
        turns = ", ".join(map(_describe_turn, phase["turns"].values()))
        yield f"{'phase':<{width}}  {name}: {phase['rounds']:,} rounds of {turns}"
    metrics = ", ".join(block["name"] for block in filled["evaluate"]["metrics"])
    yield f"{'metrics':<{width}}  {metrics or 'none'}"
    if filled["controls"]:
        yield f"{'controls':<{width}}  {', '.join(filled['controls'])}"


def describe_component(block: Mapping[str, Any]) -> str:
    """Returns a component's name and all its options, such as 'rollout (rollouts 4, ...)'."""
    options = ", ".join(f"{key} {_shorten(value)}" for key, value in block.items() if key != "name")
    return f"{block['name']} ({options})" if options else str(block["name"])


def _describe_turn(turn: Mapping[str, Any]) -> str:
    times = f" x {turn['times']}" if turn["times"] > 1 else ""
    every = f" every {turn['every']} rounds" if turn["every"] > 1 else ""
    return f"{turn['objective']}{times}{every} -> {'+'.join(turn['updates'])}"


def _shorten(value: Any) -> str:
    text = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
