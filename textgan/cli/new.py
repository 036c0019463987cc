"""`textgan new`: the beginnings of something of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from textgan.cli.base import Command, Group, examples


@click.group(cls=Group, epilog=examples("textgan new plugin textgan-mine"))
def new() -> None:
    """Start something of your own."""


@new.command(
    cls=Command,
    epilog=examples("textgan new plugin textgan-mine", "textgan new plugin textgan-mine --in ~/src"),
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
    """Write a package that adds components: one of each that you would begin with, a recipe and tests."""
    from textgan.scaffold import write_plugin

    for file in write_plugin(name, folder):
        click.echo(f"wrote {file}")
