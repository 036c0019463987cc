"""What a component is, read from its source without importing it: options, shared objects, traits, prose.

Importing a generator imports torch, over a second; a recipe is checked and components are listed in a fraction of that.
So signatures are read from the syntax tree. What cannot be read so (a class made at run time, a file without source)
is imported and inspected instead, slower and equal.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from textgan import options
from textgan.registry import Component

SHARED = (
    "texts",
    "vocab",
    "tokenizer",
    "corpus",
    "max_len",
    "generator",
    "discriminator",
    "loss",
    "estimator",
    "reward",
    "parameters",
    "run_folder",
    "exported",
)
"""Arguments of these names receive an object of the run and are no options. Earlier ones exist earlier."""

MISSING = object()


@dataclass(frozen=True)
class Option:
    """One keyword argument. `type` is what its annotation says; `default` is MISSING where a recipe must give one."""

    name: str
    annotation: str
    type: Any
    default: Any
    doc: str = ""


@dataclass(frozen=True)
class Spec:
    """What is known of a component before it is imported."""

    component: Component
    options: Mapping[str, Option]
    shared: frozenset[str]
    traits: Mapping[str, Any]
    doc: str = ""
    spared: frozenset[str] = frozenset()
    """Those of `shared` that it can do without: they have a default."""

    @property
    def summary(self) -> str:
        """The first sentence of its documentation."""
        return self.doc.split("\n\n")[0].replace("\n", " ")


@dataclass
class _Source:
    """A definition in a module's syntax tree, and what the module imports."""

    tree: ast.Module
    definitions: dict[str, ast.ClassDef | ast.FunctionDef] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)


def read(component: Component) -> Spec:
    """The spec of a component. Raises UserError if it cannot be found."""
    return _read(component) if component.made is None else _inspect(component)


@cache
def _read(component: Component) -> Spec:
    module, _, attribute = component.target.partition(":")
    source = _source(module)
    if source is None or attribute not in source.definitions:
        return _inspect(component)
    definition = source.definitions[attribute]
    doc = ast.get_docstring(definition) or ""
    function = _constructor(source, definition)
    try:
        arguments = _arguments(function) if function else []
    except ValueError:  # a default that is no literal
        return _inspect(component)
    return _spec(component, arguments, _traits(source, definition), doc)


def _spec(component: Component, arguments: list[tuple[str, Any, Any]], traits: Mapping[str, Any], doc: str) -> Spec:
    documented = _documented(doc)
    found = {
        name: Option(name, _written(annotation), _evaluate(annotation), default, documented.get(name, ""))
        for name, annotation, default in arguments
        if name not in SHARED
    }
    shared = {name: default for name, _, default in arguments if name in SHARED}
    spared = frozenset(name for name, default in shared.items() if default is not MISSING)
    return Spec(component, found, frozenset(shared), traits, _prose(doc), spared)


def _inspect(component: Component) -> Spec:
    thing = component.load()
    signature = inspect.signature(thing)
    arguments = [
        (
            p.name,
            Any if p.annotation is p.empty else p.annotation,
            MISSING if p.default is p.empty else p.default,
        )
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    classes = reversed(inspect.getmro(thing)) if isinstance(thing, type) else ()
    own = [cls for cls in classes if not cls.__module__.startswith(("torch", "builtins", "abc"))]
    traits = {name: value for cls in own for name, value in vars(cls).items() if _is_trait(name, value)}
    return _spec(component, arguments, traits, inspect.getdoc(thing) or "")


def _is_trait(name: str, value: Any) -> bool:
    return not name.startswith("_") and isinstance(value, str | bool | frozenset | tuple | dict | int | float)


@cache
def _source(module: str) -> _Source | None:
    """The syntax tree of a module, found without importing it (only its parent packages, which import little)."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if found is None or not found.origin or not found.origin.endswith(".py"):
        return None
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    source = _Source(tree)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            source.definitions[node.name] = node
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                source.imports[alias.asname or alias.name] = (node.module, alias.name)
    return source


def _bases(source: _Source, node: ast.ClassDef) -> list[tuple[_Source, ast.ClassDef]]:
    """The class itself and its base classes, nearest first, as far as their sources can be found."""
    chain = [(source, node)]
    for base in node.bases:
        if not isinstance(base, ast.Name):
            continue
        home: _Source | None = source
        name = base.id
        if name in source.imports:
            module, name = source.imports[name]
            home = _source(module) if not module.startswith(("torch", "abc")) else None
        definition = home.definitions.get(name) if home else None
        if home and isinstance(definition, ast.ClassDef):
            chain += _bases(home, definition)
    return chain


def _constructor(source: _Source, node: ast.ClassDef | ast.FunctionDef) -> ast.FunctionDef | None:
    if isinstance(node, ast.FunctionDef):
        return node
    for _, cls in _bases(source, node):
        for statement in cls.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return statement
    return None


def _arguments(function: ast.FunctionDef) -> list[tuple[str, str, Any]]:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    pairs = [*zip(positional, defaults, strict=True), *zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return [
        (a.arg, ast.unparse(a.annotation) if a.annotation else "Any", MISSING if d is None else _literal(d))
        for a, d in pairs
        if a.arg != "self"
    ]


def _literal(node: ast.expr) -> Any:
    """A literal, or a frozenset of one. Raises ValueError for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "frozenset":
        return frozenset(ast.literal_eval(node.args[0]) if node.args else ())
    return ast.literal_eval(node)


def _traits(source: _Source, node: ast.ClassDef | ast.FunctionDef) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _, cls in _bases(source, node) if isinstance(node, ast.ClassDef) else []:
        for statement in cls.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                name, value = statement.target.id, statement.value
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                name, value = statement.targets[0].id, statement.value
            else:
                continue
            try:
                found.setdefault(name, _literal(value))
            except ValueError:
                continue
    return found


def _written(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _evaluate(annotation: Any) -> Any:
    """The type behind an annotation. Names of `textgan.options` and built-in types are known; others are Any."""
    if not isinstance(annotation, str):
        return annotation
    known: dict[str, Any] = {name: getattr(options, name) for name in options.__all__}
    known |= {kind.__name__: kind for kind in (int, float, str, bool, list, dict, tuple)}
    try:
        return eval(annotation, {"__builtins__": {}}, known)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return Any


_ARGS = re.compile(r"^Args:\n((?:[ \t]+.*\n?|\n)*)", re.MULTILINE)


def _documented(doc: str) -> dict[str, str]:
    """Argument -> its line in the docstring's Args section."""
    match = _ARGS.search(inspect.cleandoc(doc))
    if not match:
        return {}
    entries = re.split(r"^(\w[\w, ]*):\s", textwrap.dedent(match[1]), flags=re.MULTILINE)[1:]
    pairs = zip(entries[::2], entries[1::2], strict=True)
    return {name.strip(): " ".join(text.split()) for names, text in pairs for name in names.split(",")}


def _prose(doc: str) -> str:
    """The docstring without its sections."""
    return re.split(r"^(?:Args|Raises|Returns):\n", inspect.cleandoc(doc), flags=re.MULTILINE)[0].strip()
