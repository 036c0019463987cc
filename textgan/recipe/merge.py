"""Merges a recipe's file, the recipes it extends and the command line into one tree; every value keeps its location."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from importlib.resources import files
from pathlib import Path as File
from typing import Any

from textgan.core.errors import UserError
from textgan.core.registry import suggest
from textgan.recipe.parse import parse, scalar
from textgan.recipe.problems import Location, Path, Problem, RecipeError

Tree = dict[str, Any]
Setting = tuple[tuple[str, ...], Any]
"""The path of an override and its value."""


def bundled() -> dict[str, File]:
    """Returns name -> file of every recipe that comes with the toolkit, such as "seqgan" and "paper/seqgan"."""
    root = File(str(files("textgan.recipes")))
    return {p.relative_to(root).with_suffix("").as_posix(): p for p in sorted(root.rglob("*.yaml"))}


def resolve(name: str, beside: File | None = None) -> File:
    """Finds the file of a recipe.

    Args:
        name: a path, or the name of a bundled recipe.
        beside: the file whose folder a path is relative to; None is the working directory.

    Raises:
        UserError: if there is neither such a file nor such a bundled recipe.
    """
    path = beside.parent / name if beside else File(name)
    if path.is_file():
        return path
    shipped = bundled()
    short = name.removesuffix(".yaml").removeprefix("recipes/")
    if short in shipped:
        return shipped[short]
    raise UserError(
        f"{name}: recipe not found; expected a file or the name of a bundled recipe{suggest(short, shipped)}"
        f"; bundled: {', '.join(shipped)}"
    )


def read(file: File, seen: tuple[File, ...] = ()) -> tuple[Tree, dict[Path, Location]]:
    """Reads a recipe's file and merges it into the recipe that it extends, if any.

    Raises:
        UserError: if a file cannot be read, is not a recipe, or extends itself.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 text (byte {error.start}); expected a recipe in YAML") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    tree, locations = parse(text, str(file))
    if not isinstance(tree, dict):
        found = "the file is empty" if tree is None else "not a mapping"
        raise UserError(f"{file}: {found}; expected a YAML mapping, such as `textgan init seqgan` writes")
    base = tree.pop("extends", None)
    if base is None:
        return tree, locations
    if not isinstance(base, str):
        raise RecipeError(
            str(file), [Problem(("extends",), "expected the file or the name of a recipe", locations[("extends",)])]
        )
    parent = resolve(base, beside=file)
    if parent.resolve() in (*(s.resolve() for s in seen), file.resolve()):
        raise RecipeError(
            str(file),
            [Problem(("extends",), f"{base} extends this recipe in turn; remove one of both", locations[("extends",)])],
        )
    below, below_locations = read(parent, (*seen, file))
    return merge(below, below_locations, tree, locations)


def merge(
    below: Tree,
    below_locations: dict[Path, Location],
    above: Tree,
    above_locations: dict[Path, Location],
    path: Path = (),
) -> tuple[Tree, dict[Path, Location]]:
    """Merges one tree into another: mappings key by key, anything else is replaced.

    A block with another `name`, or a turn with another objective, replaces the old one: the options of one component
    mean nothing to another. A list of turns replaces the turns below; a mapping of turns is merged.

    Args:
        below: the tree to change; it is not modified.
        below_locations: where its values were written.
        above: the changes, which win.
        above_locations: where the changes were written.
        path: where in a recipe both trees are.

    Returns:
        The merged tree, and where its values were written.
    """
    merged, locations = dict(below), dict(below_locations)
    for key, value in above.items():
        here = (*path, key)
        old, new = merged.get(key), value
        if isinstance(new, dict) or (isinstance(old, dict) and not isinstance(new, list)):
            old, new = (_as_mapping(each, here) for each in (old, new))
        if (
            isinstance(old, dict)
            and isinstance(new, dict)
            and _component(old, here) == _component({**old, **new}, here)
        ):
            merged[key], locations = merge(old, locations, new, above_locations, here)
            locations[here] = above_locations.get(here, locations.get(here, Location("", 0)))
        else:
            merged[key] = deepcopy(value)
            locations = {p: location for p, location in locations.items() if p[: len(here)] != here}
            locations |= {p: location for p, location in above_locations.items() if p[: len(here)] == here}
    return merged, locations


def named_turns(value: Any) -> Any:
    """Returns a list of different objectives as a mapping of turns, and any other value as it is.

    `[likelihood]` is short for {likelihood: {objective: likelihood}}.
    """
    if isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value):
        return {name: {"objective": name} for name in value}
    return value


def _as_mapping(value: Any, path: Path) -> Any:
    """Expands short forms: `lstm` is {name: lstm}, and a turn `likelihood` is {objective: likelihood}."""
    if _holds_turns(path):
        return named_turns(value)
    if not isinstance(value, str):
        return value
    return {"objective" if _holds_turns(path[:-1]) else "name": value}


def _component(block: Tree, path: Path) -> Any:
    """Returns the name of a block's component; for a turn its objective, which is the turn's name by default."""
    return block.get("objective", path[-1]) if _holds_turns(path[:-1]) else block.get("name")


def _holds_turns(path: Path) -> bool:
    return len(path) >= 3 and path[-1] == "turns" and path[-3] == "phases"


def override(tree: Tree, locations: dict[Path, Location], settings: Iterable[str]) -> None:
    """Applies settings such as `a.b=c` in place.

    Settings that replace a component are applied before those of its options, whatever their order. Of several
    settings of the same key the last one wins.

    Args:
        tree: the recipe.
        locations: where its values were written; values that are set are marked as from the command line.
        settings: `key=value`, values in YAML.

    Raises:
        UserError: if a setting is malformed or sets something that cannot be set.
    """
    pairs = [_pair(setting) for setting in settings]
    for path, value in pairs:
        if path == ("extends",):
            raise UserError(f"extends={value}: only a file can extend another recipe; run {value} instead")
    for path, value in _in_order(pairs):
        target: Any = tree
        for depth, key in enumerate(path[:-1]):
            inner = _as_mapping(_get(target, key), path[: depth + 1])
            if not isinstance(inner, dict | list):
                inner = {}
            _set(target, key, inner, path[: depth + 1])
            target = inner
        if _names_component(path) and isinstance(target, dict) and _component(target, path[:-1]) not in (None, value):
            target.clear()
        _set(target, path[-1], value, path)
        for below in [p for p in locations if tuple(map(str, p[: len(path)])) == path]:
            del locations[below]
        locations |= {path[:end]: Location("", 0) for end in range(len(path), 0, -1) if path[:end] not in locations}
        locations[path] = Location("", 0)


def _in_order(pairs: list[Setting]) -> list[Setting]:
    """Puts settings of names first, and those that replace a whole block before those of its parts.

    A null that removes a block stays where it is: it also removes the parts that were set before.
    """
    ordered: list[Setting] = []
    for path, value in sorted(pairs, key=lambda pair: not _names_component(pair[0])):
        parts = (i for i, (other, _) in enumerate(ordered) if len(other) > len(path) and other[: len(path)] == path)
        ordered.insert(len(ordered) if value is None else next(parts, len(ordered)), (path, value))
    return ordered


def _names_component(path: Path) -> bool:
    return path[-1] in ("name", "objective")


def _pair(setting: str) -> Setting:
    key, equals, text = setting.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise UserError(f"{setting}: not a setting; expected key=value, such as estimator.rollouts=4")
    return path, scalar(text)


def _get(target: Any, key: str) -> Any:
    if isinstance(target, list):
        return target[int(key)] if key.isdecimal() and int(key) < len(target) else None
    return target.get(key)


def _positions(length: int) -> str:
    return f"a position from 0 to {length - 1}" if length else "the whole list"


def _set(target: Any, key: str, value: Any, path: tuple[str, ...]) -> None:
    if isinstance(target, list):
        if not key.isdecimal() or int(key) >= len(target):
            where = ".".join(path[:-1])
            raise UserError(
                f"{'.'.join(path)}: {where} is a list of {len(target)}; expected {_positions(len(target))}, found {key}"
            )
        target[int(key)] = value
    else:
        target[key] = value
