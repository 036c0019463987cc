"""`textgan init`: a recipe of one's own to begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click

from textgan.cli.base import Command, complete_recipe, examples
from textgan.core.errors import UserError


@click.command(
    cls=Command,
    epilog=examples(
        "textgan init                       writes seqgan.yaml",
        "textgan init seqgan mine.yaml",
    ),
)
@click.argument("name", default="seqgan", shell_complete=complete_recipe)
@click.argument("file", required=False, type=click.Path(path_type=Path))
def init(name: str, file: Path | None) -> None:
    """Copy a recipe that comes with the toolkit.

    It is yours to change. Nothing is ever overwritten.

    NAME is one of `textgan list recipes`, by default seqgan; FILE is by default NAME.yaml in this folder.
    """
    from textgan.core import registry
    from textgan.recipe import bundled

    shipped = bundled()
    short = name.removesuffix(".yaml")
    if short not in shipped:
        raise UserError(
            f'there is no recipe "{name}"{registry.suggest(short, shipped)}; there are: {", ".join(shipped)}'
        )
    target = file or Path(f"{short.rpartition('/')[2]}.yaml")
    text = _by_name(shipped[short], shipped)
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UserError(
            f"{target} is there already; nothing was written. Give another file: textgan init {short} FILE.yaml"
        ) from None
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}") from error
    click.echo(f"wrote {target}; next: textgan run {target}")


def _by_name(file: Path, shipped: Mapping[str, Path]) -> str:
    """A recipe's text; what it extends by its neighbour's file name is named as it is called from anywhere."""
    text = file.read_text(encoding="utf-8")
    found = re.search(r"^extends: *(\S+)", text, re.MULTILINE)
    base = (file.parent / found[1]).resolve() if found else None
    names = [name for name, other in shipped.items() if other.resolve() == base]
    return text.replace(found[0], f"extends: {names[0]}") if found and names else text
