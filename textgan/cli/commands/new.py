"""`textgan new`: the beginnings of something of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from textgan.cli.base import Command, Group, examples


@click.group(cls=Group, epilog=examples("textgan new plugin my_estimator"))
def new() -> None:
    """Begin something of your own."""


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
    help="Where its folder is made; default here.",
)
def plugin(name: str, folder: Path) -> None:
    """Write a package of your own: an estimator, its tests and a recipe.

    NAME is the package's and the estimator's, in lower-case letters, digits and underscores.
    """
    from textgan.cli.scaffold import write_plugin

    for file in write_plugin(name, folder):
        click.echo(f"wrote {file}")
