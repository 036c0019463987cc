"""Parses the source of modules without importing them: definitions, imports, base classes, constructors and traits."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

MISSING = object()
"""The default of an argument that has none."""
FOREIGN = frozenset({"torch", "builtins", *sys.stdlib_module_names})
"""Packages whose classes define neither options nor traits."""


class Unreadable(Exception):
    """The syntax tree does not contain the information; the component has to be imported."""


@dataclass
class ModuleSource:
    """A module's definitions and imports, from its syntax tree.

    Args:
        module: its dotted name.
        definitions: class or function name -> definition.
        imports: local name -> (module, name in it), or (module, None) for the module itself.
        stars: modules whose public names are imported with `*`.
    """

    module: str
    definitions: dict[str, ast.ClassDef | ast.FunctionDef] = field(default_factory=dict)
    imports: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


@cache
def parse_module(module: str) -> ModuleSource | None:
    """Parses a module without importing it. Its parent packages are imported.

    Returns:
        None if the module is not found, has no source or is not valid Python.
    """
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if found is None or not found.origin or not found.origin.endswith(".py"):
        return None
    package = module if found.submodule_search_locations is not None else module.rpartition(".")[0]
    source = ModuleSource(module)
    try:
        tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return None
    for node in [inner for outer in tree.body for inner in _unconditional(outer)]:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            source.definitions[node.name] = node
        elif isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                source.imports[name] = (alias.name if alias.asname else name, None)
        elif isinstance(node, ast.ImportFrom):
            home = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                if alias.name == "*":
                    source.stars.append(home)
                else:
                    source.imports[alias.asname or alias.name] = (home, alias.name)
    return source


def _unconditional(node: ast.stmt) -> list[ast.stmt]:
    """Returns the statement, or those inside `if TYPE_CHECKING:`, which name what a package exports lazily."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return node.body
    return [node]


def class_chain(source: ModuleSource, node: ast.ClassDef) -> list[ast.ClassDef]:
    """Returns the class and its base classes, nearest first, without those of torch and the standard library.

    Raises:
        Unreadable: if a base class cannot be found, or a decorator may replace a class or its constructor.
    """
    if node.decorator_list:
        raise Unreadable(f"{source.module}.{node.name} is decorated")
    chain = [node]
    for base in node.bases:
        found = _resolve(source, base.value if isinstance(base, ast.Subscript) else base)
        if found is not None:
            chain += class_chain(*found)
    return chain


def _resolve(source: ModuleSource, node: ast.expr) -> tuple[ModuleSource, ast.ClassDef] | None:
    """Finds the definition of a base class `Name` or `module.Name`; None for one of a foreign library."""
    *path, name = ast.unparse(node).split(".")
    module = source.module
    for number, part in enumerate(path):
        if number == 0:
            if part not in source.imports:
                raise Unreadable(part)
            home, attribute = source.imports[part]
            module = f"{home}.{attribute}" if attribute else home
        else:
            module = f"{module}.{part}"
    return _find(module, name, set())


def _find(module: str, name: str, seen: set[tuple[str, str]]) -> tuple[ModuleSource, ast.ClassDef] | None:
    """Follows imports and re-exports to a class's definition."""
    if is_foreign(module):
        return None
    source = parse_module(module)
    if source is None or (module, name) in seen:
        raise Unreadable(f"{module}.{name}")
    seen.add((module, name))
    definition = source.definitions.get(name)
    if isinstance(definition, ast.ClassDef):
        return source, definition
    if name in source.imports:
        home, attribute = source.imports[name]
        if attribute is not None:
            return _find(home, attribute, seen)
    for home in reversed(source.stars):  # the last one wins
        if is_foreign(home):
            raise Unreadable(f"{module}.{name}, which may be one of {home}")
        try:
            return _find(home, name, seen)
        except Unreadable:
            continue
    if hasattr(builtins, name):
        return None
    raise Unreadable(f"{module}.{name}")


def is_foreign(module: str) -> bool:
    """Returns whether a module belongs to torch or the standard library."""
    return module.partition(".")[0] in FOREIGN


def constructor(chain: Iterable[ast.ClassDef]) -> ast.FunctionDef | None:
    """Returns the nearest `__init__` of a class and its base classes."""
    for cls in chain:
        for statement in cls.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return statement
    return None


def arguments(function: ast.FunctionDef) -> list[tuple[str, str, Any]]:
    """Returns name, annotation and default of each argument that can be passed by keyword, without `self`.

    Raises:
        ValueError: if a default is not a literal.
    """
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    pairs = [*zip(positional, defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return [
        (a.arg, ast.unparse(a.annotation) if a.annotation else "Any", MISSING if d is None else _literal(d))
        for a, d in pairs[len(given.posonlyargs) :]
        if a.arg != "self"
    ]


def traits(chain: Iterable[ast.ClassDef]) -> dict[str, Any]:
    """Returns the class attributes that hold literals; nearer classes win."""
    found: dict[str, Any] = {}
    for cls in chain:
        for statement in cls.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                name, value = statement.target.id, statement.value
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                name, value = statement.targets[0].id, statement.value
            else:
                continue
            try:
                literal = _literal(value)
            except ValueError:
                continue
            if is_trait(name, literal):
                found.setdefault(name, literal)
    return found


def is_trait(name: str, value: Any) -> bool:
    """Returns whether a class attribute is a trait: a public one that holds a plain value."""
    return not name.startswith("_") and isinstance(value, str | bool | frozenset | tuple | dict | int | float)


def _literal(node: ast.expr) -> Any:
    """Evaluates a literal, or a frozenset of one. Raises ValueError for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "frozenset":
        return frozenset(ast.literal_eval(node.args[0]) if node.args else ())
    return ast.literal_eval(node)
