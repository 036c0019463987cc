"""Writes a new plugin: a small package that installs, passes its tests and runs unchanged."""

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
"""Maps each file of a plugin to its template."""


def write_plugin(name: str, folder: Path) -> list[Path]:
    """Writes a package with an estimator, its tests and a recipe to `folder/name/`. Returns the files.

    Args:
        name: of the package and of its estimator: lower-case letters, digits and underscores.
        folder: where the package's folder is created. It is created, too, if it does not exist.

    Raises:
        UserError: if the name cannot be used, the package's folder exists, or it cannot be written.
    """
    _check_name(name)
    home = folder / name
    values = {"name": name, "cls": "".join(part.capitalize() for part in name.split("_"))}
    templates = files("textgan.cli") / "templates" / "plugin"
    contents = {
        home / path.format(name=name): Template((templates / f"{source}.tmpl").read_text("utf-8"))
        for path, source in FILES.items()
    }
    try:
        home.mkdir(parents=True)
        for path, template in contents.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(template.substitute(values), encoding="utf-8")
    except FileExistsError as error:
        raise UserError(
            f"{error.filename}: already exists; nothing was written; choose another name, or another folder with --in"
        ) from None
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be written: {error.strerror}; choose another folder") from None
    return list(contents)


def _check_name(name: str) -> None:
    """Raises UserError if a name is not a valid module name, or is taken by a component or a module."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]|[a-z]", name) or keyword.iskeyword(name):
        near = re.sub(r"\W+|_+", "_", name.lower(), flags=re.ASCII).strip("_")
        hint = f', such as "{near}"' if near.isidentifier() and not keyword.iskeyword(near) else ""
        raise UserError(
            f"NAME={name}: not a valid module name; expected lower-case letters, digits and underscores, "
            f"with a letter first{hint}"
        )
    taken = [c for c in registry.components() if c.name == name]
    if taken:
        provider = f"{taken[0].provider} {taken[0].version}".rstrip()
        raise UserError(f"NAME={name}: is already a {taken[0].kind}, provided by {provider}; choose another name")
    found = importlib.util.find_spec(name)
    if found is not None and found.origin is not None:
        raise UserError(f"NAME={name}: is already a Python module, at {found.origin}; choose another name")
