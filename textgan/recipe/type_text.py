"""Describes the types of options in words, for people who write recipes."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_BOUNDS = {"ge": "{0} or more", "gt": "above {0}", "le": "at most {0}", "lt": "below {0}"}
_TYPES = {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "anything", NoneType: "null"}
_PLURALS = {"whole number": "whole numbers", "number": "numbers", "text": "texts"}


def describe_type(kind: Any, mark: str = "") -> str:
    """Describes an option's type, such as "whole number, 1 or more".

    Args:
        kind: the type, with bounds as `annotated_types`.
        mark: put before and after values, such as a backquote.
    """
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        if isinstance(inside[1], str):
            return inside[1]
        found = {name: getattr(limit, name) for limit in inside[1:] for name in _BOUNDS if hasattr(limit, name)}
        if "ge" in found and len(found) == 2:
            upper = f"to {found['le']}" if "le" in found else f"to below {found['lt']}"
            return f"{describe_type(inside[0], mark)} from {found['ge']} {upper}"
        limits = [text.format(found[name]) for name, text in _BOUNDS.items() if name in found]
        return f"{describe_type(inside[0], mark)}{',' if 'ge' in found else ''} {' and '.join(limits)}"
    if origin is Literal:
        return " or ".join(f"{mark}{_literal(value)}{mark}" for value in inside)
    if origin in (Union, UnionType):
        each = [describe_type(part, mark) for part in inside]
        return f"{'; '.join(each[:-1])}; or {each[-1]}" if any(", " in part for part in each) else " or ".join(each)
    if kind in _TYPES:
        return _TYPES[kind]
    if origin is not None and issubclass(origin, Mapping):
        key, value = (describe_type(part, mark) for part in inside)
        return f"mapping from {key} to {value}"
    if inside:
        first, _, rest = describe_type(inside[0], mark).partition(", ")
        if first == "anything":
            return "list"
        base, between, bound = first.partition(" from ")
        return f"list of {_PLURALS.get(base, base)}{between}{bound}{', each ' + rest if rest else ''}"
    return {"Sequence": "list", "Mapping": "mapping"}.get(getattr(kind, "__name__", ""), str(kind))


def _literal(value: Any) -> str:
    """Formats a value as in a recipe."""
    return (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)
    )
