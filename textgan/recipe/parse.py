"""Parses YAML strictly: 1e-3 is a number, `no` is text, and a repeated key is an error. Every value keeps its line."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import yaml

from textgan.recipe.problems import Location, Path, Problem, RecipeError


class _Loader(yaml.SafeLoader):
    """Reads only the JSON-like types of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own attribute)

    def close(self) -> None:
        self.dispose()


_PLAIN = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "map", "seq"))
_EXPONENT = r"[eE][-+]?\d+"
_FLOAT = (
    rf"[-+]?(?:\d[\d_]*\.[\d_]*(?:{_EXPONENT})?|\.\d[\d_]*(?:{_EXPONENT})?|\d[\d_]*{_EXPONENT}"
    r"|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?\d[\d_]*", list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})$"), _first)


def parse(text: str, file: str) -> tuple[Any, dict[Path, Location]]:
    """Parses a YAML document.

    Args:
        text: the document.
        file: its file, for error messages.

    Returns:
        Its value, and the location of every value in it.

    Raises:
        RecipeError: with all problems found.
    """
    problems: list[Problem] = []
    locations: dict[Path, Location] = {}
    try:
        with closing(_Loader(text)) as loader:
            node = loader.get_single_node()
            value = _construct(node, (), file, locations, problems) if node else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise RecipeError(file, [Problem((), f"not YAML: {error.problem or error}", Location(file, line))]) from None
    except yaml.YAMLError as error:
        raise RecipeError(file, [Problem((), f"not YAML: {' '.join(str(error).split())}", Location(file, 1))]) from None
    except RecursionError:
        raise RecipeError(file, [Problem((), "nested too deeply; expected a recipe", Location(file, 1))]) from None
    except ValueError as error:  # a number of thousands of digits
        raise RecipeError(file, [Problem((), f"a value cannot be read: {error}", Location(file, 1))]) from None
    if problems:
        raise RecipeError(file, problems)
    return value, locations


def scalar(text: str) -> Any:
    """Parses the value of an override: `1e-3`, `true`, `[1, 2]`; what is not YAML is text."""
    try:
        return parse(text, "command line")[0]
    except RecipeError:
        return text


def _construct(node: Any, path: Path, file: str, locations: dict[Path, Location], problems: list[Problem]) -> Any:
    location = Location(file, node.start_mark.line + 1)
    if not node.tag.startswith(_PLAIN):
        problems.append(
            Problem(path, f'tags such as "{node.tag}" are not allowed in a recipe; write the plain value', location)
        )
        return None
    if getattr(node, "visited", False):
        problems.append(
            Problem(path, "aliases are not allowed in a recipe; write the value out, or use extends", location)
        )
        return None
    node.visited = True
    locations[path] = location
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*path, key)
            line = Location(file, key_node.start_mark.line + 1)
            if key in found:
                problems.append(
                    Problem(here, f"duplicate key, first in line {locations[here].line}; remove one of both", line)
                )
                continue
            found[key] = _construct(value_node, here, file, locations, problems)
            locations[here] = line
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*path, i), file, locations, problems) for i, item in enumerate(node.value)]
    return _scalar(node.tag.rpartition(":")[2], node.value)


def _scalar(tag: str, text: str) -> Any:
    match tag:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text.replace("_", ""))
        case "float":
            plain = text.replace("_", "").lower()
            return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            return text
