"""Implements `textgan new`, which writes a plugin to start from."""

from __future__ import annotations

from pathlib import Path

import click

from textgan.cli.base import Command, Group, examples


@click.group(cls=Group, epilog=examples("textgan new plugin my_estimator"))
def new() -> None:
    """Create a plugin of your own."""


@new.command(
    cls=Command,
    epilog=examples("textgan new plugin my_estimator", "textgan new plugin my_estimator --in ~/src"),
)
@click.argument("name")
@click.option(
    "--in",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Create the package's folder in this folder; default, the current one.",
)
def plugin(name: str, folder: Path) -> None:
    """Write a new package: an estimator, its tests and a recipe.

    NAME is the name of the package and of the estimator: lower-case letters, digits and underscores.
    """
    from textgan.cli.scaffold import write_plugin

    for file in write_plugin(name, folder):
        click.echo(f"wrote {file}")
