"""From a file, what it extends and the command line to one tree of values, each still knowing its location."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from importlib.resources import files
from pathlib import Path as File
from typing import Any

from textgan.core.errors import UserError
from textgan.recipe.problems import Path, Location, Problem, RecipeError
from textgan.recipe.parse import parse, scalar
from textgan.core.registry import suggest

Tree = dict[str, Any]


def bundled() -> dict[str, File]:
    """Name -> file of every recipe that comes with the toolkit: "seqgan", "paper/seqgan"."""
    root = File(str(files("textgan.recipes")))
    return {p.relative_to(root).with_suffix("").as_posix(): p for p in sorted(root.rglob("*.yaml"))}


def resolve(name: str, beside: File | None = None) -> File:
    """The file that a recipe's name means: a path, relative to `beside` if given, or a bundled recipe's name."""
    path = beside.parent / name if beside else File(name)
    if path.is_file():
        return path
    shipped = bundled()
    short = name.removesuffix(".yaml").removeprefix("recipes/")
    if short in shipped:
        return shipped[short]
    raise UserError(
        f"{name}: there is no such file, and no bundled recipe of that name{suggest(short, shipped)}"
        f"; bundled: {', '.join(shipped)}"
    )


def read(file: File, seen: tuple[File, ...] = ()) -> tuple[Tree, dict[Path, Location]]:
    """A recipe's file laid over what it extends."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 text (byte {error.start}); is this a recipe?") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    tree, locations = parse(text, str(file))
    if not isinstance(tree, dict):
        found = "is empty" if tree is None else "holds no mapping"
        raise UserError(f"{file} {found}; a recipe is a YAML mapping, such as `textgan init seqgan` writes")
    base = tree.pop("extends", None)
    if base is None:
        return tree, locations
    if not isinstance(base, str):
        raise RecipeError(str(file), [Problem(("extends",), "expected a recipe's file or name", locations[("extends",)])])
    parent = resolve(base, beside=file)
    if parent.resolve() in (*(s.resolve() for s in seen), file.resolve()):
        raise RecipeError(
            str(file), [Problem(("extends",), f"{base} extends this recipe in turn", locations[("extends",)])]
        )
    below, below_locations = read(parent, (*seen, file))
    return merge(below, below_locations, tree, locations)


def merge(
    below: Tree, below_locations: dict[Path, Location], above: Tree, above_locations: dict[Path, Location], path: Path = ()
) -> tuple[Tree, dict[Path, Location]]:
    """Lays one tree over another. Mappings are merged key by key, anything else is replaced.

    A block that gets another `name`, or a turn that gets another objective, starts anew: the old component's options
    mean nothing to the new one.
    """
    merged, locations = dict(below), dict(below_locations)
    for key, value in above.items():
        here = (*path, key)
        old, new = merged.get(key), value
        if isinstance(old, dict) or isinstance(new, dict):
            old, new = (_as_mapping(each, here) for each in (old, new))
        if isinstance(old, dict) and isinstance(new, dict) and _component(old, here) == _component({**old, **new}, here):
            merged[key], locations = merge(old, locations, new, above_locations, here)
            locations[here] = above_locations.get(here, locations.get(here, Location("", 0)))
        else:
            merged[key] = deepcopy(value)
            locations = {p: location for p, location in locations.items() if p[: len(here)] != here}
            locations |= {p: location for p, location in above_locations.items() if p[: len(here)] == here}
    return merged, locations


def named_turns(value: Any) -> Any:
    """Returns a list of objectives as a mapping of turns: `[likelihood]` is short for {likelihood: likelihood}."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {"objective": name} for name in value}
    return value


def _as_mapping(value: Any, path: Path) -> Any:
    """Expands the short forms: `lstm` is {name: lstm}, a turn `likelihood` {objective: likelihood}."""
    if _holds_turns(path):
        return named_turns(value)
    if not isinstance(value, str):
        return value
    return {"objective" if _holds_turns(path[:-1]) else "name": value}


def _component(block: Tree, path: Path) -> Any:
    """What a block is about: its component's name; for a turn its objective, by default the turn's name."""
    return block.get("objective", path[-1]) if _holds_turns(path[:-1]) else block.get("name")


def _holds_turns(path: Path) -> bool:
    return len(path) >= 3 and path[-1] == "turns" and path[-3] == "phases"


def override(tree: Tree, locations: dict[Path, Location], settings: Iterable[str]) -> None:
    """Applies `a.b=c` settings in place. Names come first, whatever their order, since they empty their block."""
    pairs = [_pair(setting) for setting in settings]
    for path, value in pairs:
        if path == ("extends",):
            raise UserError(f"extends={value}: only a file can extend another recipe; run {value} itself instead")
    for path, value in sorted(pairs, key=lambda pair: pair[0][-1] not in ("name", "objective")):
        target: Any = tree
        for depth, key in enumerate(path[:-1]):
            inner = _as_mapping(_get(target, key), path[: depth + 1])
            if not isinstance(inner, dict | list):
                inner = {}
            _set(target, key, inner, path[: depth + 1])
            target = inner
        if path[-1] in ("name", "objective") and isinstance(target, dict):
            if _component(target, path[:-1]) not in (None, value):
                target.clear()
        _set(target, path[-1], value, path)
        for below in [p for p in locations if tuple(map(str, p[: len(path)])) == path]:
            del locations[below]
        locations |= {path[:end]: Location("", 0) for end in range(len(path), 0, -1) if path[:end] not in locations}
        locations[path] = Location("", 0)


def _pair(setting: str) -> tuple[tuple[str, ...], Any]:
    key, equals, text = setting.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise UserError(f'"{setting}" is not a setting; expected key=value, such as estimator.rollouts=4')
    return path, scalar(text)


def _get(target: Any, key: str) -> Any:
    if isinstance(target, list):
        return target[int(key)] if key.isdecimal() and int(key) < len(target) else None
    return target.get(key)


def _set(target: Any, key: str, value: Any, path: tuple[str, ...]) -> None:
    if isinstance(target, list):
        if not key.isdecimal() or int(key) >= len(target):
            where = ".".join(path[:-1])
            raise UserError(f'{".".join(path)}: {where} is a list of {len(target)}; "{key}" is none of its locations')
        target[int(key)] = value
    else:
        target[key] = value
