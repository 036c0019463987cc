"""Loads a recipe: reads, merges, overrides and checks it, and reports all problems in one error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as File
from typing import Any

import yaml

from textgan.recipe import merge, schema
from textgan.recipe.check import Checker
from textgan.recipe.merge import bundled
from textgan.recipe.problems import Location, Path, RecipeError

__all__ = ["Recipe", "bundled", "load"]


@dataclass(frozen=True)
class Recipe:
    """A recipe that has been checked.

    Args:
        name: a short name, from which a run's folder is named, such as "seqgan".
        file: where it was read.
        given: what the user wrote, merged with what it extends and with settings.
        filled: the same with every default, ready to build.
    """

    name: str
    file: str
    given: Mapping[str, Any]
    filled: Mapping[str, Any]

    def control(self, name: str) -> Recipe:
        """Returns one of its controls as a recipe of its own."""
        return self.changed(f"{self.name}-{name}", self.given["controls"][name])

    def changed(self, name: str, changes: Mapping[str, Any]) -> Recipe:
        """Returns this recipe without its controls and with changes merged into it.

        Raises:
            RecipeError: if the changed recipe has problems.
        """
        below = {key: value for key, value in self.given.items() if key != "controls"}
        tree, locations = merge.merge(below, {}, dict(changes), {})
        return _checked(name, self.file, tree, locations)

    def without_controls(self) -> Recipe:
        """Returns the same recipe without controls."""
        return replace(self, given={**self.given, "controls": {}}, filled={**self.filled, "controls": {}})

    def named(self, name: str) -> Recipe:
        """Returns the same recipe under another name."""
        return replace(self, name=name)

    def given_yaml(self) -> str:
        """Returns what the user wrote as YAML, merged with what it extends and with settings."""
        return write(self.given)

    def yaml(self) -> str:
        """Returns the filled recipe as YAML; its results do not depend on later changes of defaults."""
        return write(self.filled)


def load(name: str | File, settings: Iterable[str] = (), controls: bool = True) -> Recipe:
    """Loads a recipe. Imports neither torch nor any component.

    Args:
        name: a file, or the name of a bundled recipe.
        settings: overrides such as "estimator.rollouts=4".
        controls: whether to keep and check its controls. They need not fit if they are not run: a control may change a
            phase that the settings leave out.

    Raises:
        RecipeError: if the recipe has problems; the error lists all of them.
        UserError: if a file cannot be read or a setting is malformed.
    """
    file = merge.resolve(str(name))
    tree, locations = merge.read(file)
    merge.override(tree, locations, settings)
    if not controls:
        tree.pop("controls", None)
    return _checked(file.stem, str(file), tree, locations)


def from_tree(name: str, tree: Mapping[str, Any]) -> Recipe:
    """Returns a recipe from values instead of a file. Raises RecipeError if it has problems."""
    return _checked(name, name, dict(tree), {(): Location(name, 0)})


def _checked(name: str, file: str, tree: dict[str, Any], locations: Mapping[Path, Location]) -> Recipe:
    checker = Checker(locations)
    filled = checker.recipe(tree)
    if checker.problems:
        raise RecipeError(file, checker.problems)
    return Recipe(name, file, tree, filled)


def write(tree: Mapping[str, Any]) -> str:
    """Returns a tree as YAML, its keys in the usual order of a recipe."""
    ordered = {key: tree[key] for key in schema.KEYS if key in tree}
    return yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Writes floats such that every YAML reader recognises them as numbers."""


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value).replace("inf", ".inf").replace("nan", ".nan")
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(float, _float)
_Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(list(value)))
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]
