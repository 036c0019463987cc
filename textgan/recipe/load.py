"""From a recipe's name and the command line's settings to a `Recipe`, or one error that holds every problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import Any

import yaml

from textgan.recipe import merge, schema
from textgan.recipe.check import Checker
from textgan.recipe.merge import bundled
from textgan.recipe.problems import Path, Location, RecipeError

__all__ = ["Recipe", "bundled", "load"]


@dataclass(frozen=True)
class Recipe:
    """A recipe that has been checked.

    Args:
        name: short, for a run's folder: "seqgan".
        file: where it was read.
        given: what the user wrote, with `extends` and settings laid in.
        filled: the same with every default, ready to build.
    """

    name: str
    file: str
    given: Mapping[str, Any]
    filled: Mapping[str, Any]

    def control(self, name: str) -> Recipe:
        """One of its controls, as a recipe of its own."""
        return self.changed(f"{self.name}-{name}", self.given["controls"][name])

    def changed(self, name: str, changes: Mapping[str, Any]) -> Recipe:
        """This recipe with changes laid over it, without its controls. Raises RecipeError."""
        below = {key: value for key, value in self.given.items() if key != "controls"}
        tree, locations = merge.merge(below, {}, dict(changes), {})
        return _checked(name, self.file, tree, locations)

    def without_controls(self) -> Recipe:
        """The same, run by itself."""
        return replace(self, given={**self.given, "controls": {}}, filled={**self.filled, "controls": {}})

    def named(self, name: str) -> Recipe:
        """The same under another name."""
        return replace(self, name=name)

    def given_yaml(self) -> str:
        """What the user wrote, with what it extends and the settings laid in."""
        return write(self.given)

    def yaml(self) -> str:
        """The filled recipe, which runs to the same end whatever defaults become."""
        return write(self.filled)


def load(name: str | File, settings: Iterable[str] = (), controls: bool = True) -> Recipe:
    """Reads, merges, overrides, checks and fills. Raises RecipeError or UserError; imports nothing heavy.

    Without its controls, these may be of no sense: a control may change a phase that the settings leave out.
    """
    file = merge.resolve(str(name))
    tree, locations = merge.read(file)
    merge.override(tree, locations, settings)
    if not controls:
        tree.pop("controls", None)
    return _checked(file.stem, str(file), tree, locations)


def from_tree(name: str, tree: Mapping[str, Any]) -> Recipe:
    """A recipe from values that no file holds."""
    return _checked(name, name, dict(tree), {(): Location(name, 0)})


def _checked(name: str, file: str, tree: dict[str, Any], locations: Mapping[Path, Location]) -> Recipe:
    checker = Checker(locations)
    filled = checker.recipe(tree)
    if checker.problems:
        raise RecipeError(file, checker.problems)
    return Recipe(name, file, tree, filled)


def write(tree: Mapping[str, Any]) -> str:
    """A tree as YAML, keys in a recipe's usual order."""
    ordered = {key: tree[key] for key in schema.KEYS if key in tree}
    return yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Writes floats so that every YAML reader takes them for numbers."""


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value).replace("inf", ".inf").replace("nan", ".nan")
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(float, _float)
_Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(list(value)))
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]
