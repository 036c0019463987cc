"""From a file, what it extends and the command line to one tree of values, each still knowing its place."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from importlib.resources import files
from pathlib import Path as File
from typing import Any

from textgan.errors import UserError
from textgan.recipe.problems import Path, Place, Problem, RecipeError
from textgan.recipe.strict_yaml import parse, scalar
from textgan.registry import suggest

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


def read(file: File, seen: tuple[File, ...] = ()) -> tuple[Tree, dict[Path, Place]]:
    """A recipe's file laid over what it extends."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 text (byte {error.start}); is this a recipe?") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    tree, places = parse(text, str(file))
    if not isinstance(tree, dict):
        found = "is empty" if tree is None else "holds no mapping"
        raise UserError(f"{file} {found}; a recipe is a YAML mapping, such as `textgan init seqgan` writes")
    base = tree.pop("extends", None)
    if base is None:
        return tree, places
    if not isinstance(base, str):
        raise RecipeError(str(file), [Problem(("extends",), "expected a recipe's file or name", places[("extends",)])])
    parent = resolve(base, beside=file)
    if parent.resolve() in (*(s.resolve() for s in seen), file.resolve()):
        raise RecipeError(
            str(file), [Problem(("extends",), f"{base} extends this recipe in turn", places[("extends",)])]
        )
    below, below_places = read(parent, (*seen, file))
    return merge(below, below_places, tree, places)


def merge(
    below: Tree, below_places: dict[Path, Place], above: Tree, above_places: dict[Path, Place], path: Path = ()
) -> tuple[Tree, dict[Path, Place]]:
    """Lays one tree over another. Mappings are merged, anything else is replaced.

    A block that gets another `name` starts anew: the old component's options mean nothing to the new one.
    """
    merged, places = dict(below), dict(below_places)
    for key, value in above.items():
        here = (*path, key)
        old, new = merged.get(key), value
        if isinstance(old, dict) or isinstance(new, dict):
            old, new = _as_block(old), _as_block(new)
        renamed = (
            isinstance(new, dict) and isinstance(old, dict) and new.get("name", old.get("name")) != old.get("name")
        )
        if isinstance(old, dict) and isinstance(new, dict) and not renamed:
            merged[key], places = merge(old, places, new, above_places, here)
            places[here] = above_places.get(here, places.get(here, Place("", 0)))
        else:
            merged[key] = deepcopy(value)
            places = {p: place for p, place in places.items() if p[: len(here)] != here}
            places |= {p: place for p, place in above_places.items() if p[: len(here)] == here}
    return merged, places


def _as_block(value: Any, key: str = "name") -> Any:
    """`lstm` is short for {name: lstm}; a turn, `likelihood`, for {objective: likelihood}."""
    return {key: value} if isinstance(value, str) else value


def override(tree: Tree, places: dict[Path, Place], settings: Iterable[str]) -> None:
    """Applies `a.b=c` settings in place. Names come first, whatever their order, since they empty their block."""
    pairs = [_pair(setting) for setting in settings]
    for path, value in pairs:
        if path == ("extends",):
            raise UserError(f"extends={value}: only a file extends another recipe; name {value} in its place")
    for path, value in sorted(pairs, key=lambda pair: pair[0][-1] != "name"):
        target: Any = tree
        for depth, key in enumerate(path[:-1]):
            turn = depth == 3 and path[0] == "phases" and path[2] == "turns"
            inner = _as_block(_get(target, key), "objective" if turn else "name")
            if not isinstance(inner, dict | list):
                inner = {}
            _set(target, key, inner, path[: depth + 1])
            target = inner
        if path[-1] == "name" and isinstance(target, dict) and target.get("name") not in (None, value):
            target.clear()
        _set(target, path[-1], value, path)
        for below in [p for p in places if tuple(map(str, p[: len(path)])) == path]:
            del places[below]
        places |= {path[:end]: Place("", 0) for end in range(len(path), 0, -1) if path[:end] not in places}
        places[path] = Place("", 0)


def _pair(setting: str) -> tuple[tuple[str, ...], Any]:
    key, equals, text = setting.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise UserError(f'"{setting}" is no setting; write key=value, such as estimator.rollouts=4')
    return path, scalar(text)


def _get(target: Any, key: str) -> Any:
    if isinstance(target, list):
        return target[int(key)] if key.isdecimal() and int(key) < len(target) else None
    return target.get(key)


def _set(target: Any, key: str, value: Any, path: tuple[str, ...]) -> None:
    if isinstance(target, list):
        if not key.isdecimal() or int(key) >= len(target):
            where = ".".join(path[:-1])
            raise UserError(f'{".".join(path)}: {where} is a list of {len(target)}; "{key}" is none of its places')
        target[int(key)] = value
    else:
        target[key] = value
