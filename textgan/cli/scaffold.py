"""Writes the beginnings of a plugin: a small package that installs, passes its tests and runs as it is."""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from textgan.core import registry
from textgan.core.errors import UserError

FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "{name}.yaml": "recipe.yaml",
    "{name}/__init__.py": "init.py",
    "{name}/estimator.py": "estimator.py",
    "tests/test_{name}.py": "test.py",
}
"""Each file of a plugin, and the template that it is made from."""


def write_plugin(name: str, folder: Path) -> list[Path]:
    """Writes `folder/name/` with an estimator of that name, its tests and a recipe. Returns the files.

    Args:
        name: of the package and of its estimator: lower-case letters, digits and underscores.
        folder: where the package's folder is made; it is made, too, where it is missing.

    Raises:
        UserError: if the name cannot be used, the package's folder exists, or it cannot be written.
    """
    _check(name)
    home = folder / name
    words = {"name": name, "cls": "".join(part.capitalize() for part in name.split("_"))}
    templates = files("textgan.cli") / "templates" / "plugin"
    texts = {
        home / path.format(name=name): Template((templates / f"{source}.tmpl").read_text("utf-8"))
        for path, source in FILES.items()
    }
    try:
        home.mkdir(parents=True)
        for path, template in texts.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(template.substitute(words), encoding="utf-8")
    except FileExistsError as error:
        raise UserError(f"{error.filename} already exists; choose another name, or another folder") from None
    except OSError as error:
        raise UserError(f"{error.filename} cannot be written: {error.strerror}") from None
    return list(texts)


def _check(name: str) -> None:
    """Raises UserError for a name that no package and no component could go by."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]|[a-z]", name) or keyword.iskeyword(name):
        near = re.sub(r"\W+|_+", "_", name.lower(), flags=re.ASCII).strip("_")
        hint = f', such as "{near}"' if near.isidentifier() and not keyword.iskeyword(near) else ""
        raise UserError(
            f'"{name}" cannot name a plugin; it is imported by its name, so write lower-case letters, digits '
            f"and underscores, a letter first{hint}"
        )
    taken = [c for c in registry.components() if c.name == name]
    if taken:
        raise UserError(
            f'there is already a {taken[0].kind} "{name}", of {taken[0].provider} {taken[0].version}'.rstrip()
            + "; choose another name"
        )
    found = importlib.util.find_spec(name)
    if found is not None and found.origin is not None:
        raise UserError(f'there is already a Python module "{name}", at {found.origin}; choose another name')
