"""Implements `textgan init`, which copies a bundled recipe."""

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
    """Copy a bundled recipe to a file that you can change.

    An existing file is never overwritten.

    NAME is one of `textgan list recipes`, by default seqgan. FILE is by default NAME.yaml in the current folder.
    """
    from textgan.core import registry
    from textgan.recipe import bundled

    recipes = bundled()
    short = name.removesuffix(".yaml")
    if short not in recipes:
        raise UserError(
            f"NAME={name}: unknown recipe; expected one of {', '.join(recipes)}{registry.suggest(short, recipes)}"
        )
    target = file or Path(f"{short.rpartition('/')[2]}.yaml")
    text = _with_portable_extends(recipes[short], recipes)
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UserError(
            f"FILE={target}: already exists; nothing was written; choose another file: textgan init {short} FILE.yaml"
        ) from None
    except OSError as error:
        raise UserError(f"FILE={target}: cannot be written: {error.strerror}; choose another file") from error
    click.echo(f"wrote {target}; next: textgan run {target}")


def _with_portable_extends(file: Path, recipes: Mapping[str, Path]) -> str:
    """Returns a recipe's text in which `extends` names a bundled recipe instead of a neighbouring file."""
    text = file.read_text(encoding="utf-8")
    found = re.search(r"^extends: *(\S+)", text, re.MULTILINE)
    base = (file.parent / found[1]).resolve() if found else None
    names = [name for name, other in recipes.items() if other.resolve() == base]
    return text.replace(found[0], f"extends: {names[0]}") if found and names else text
