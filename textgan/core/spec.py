"""Reads a component's options, shared objects, traits and documentation from its source, without importing it.

Importing a generator imports torch, which takes over a second; checking a recipe or listing components takes a fraction
of that. So signatures and class attributes are read from the syntax tree. What cannot be read there (a class made at run
time, a file without source, a base class that cannot be found) is imported and inspected instead: slower, with the same
result.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from textgan.core import options
from textgan.core.registry import Component

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
"""Arguments with these names receive an object of the run and are not options. Earlier ones exist earlier."""

MISSING = object()


@dataclass(frozen=True)
class Option:
    """One keyword argument. `type` is its evaluated annotation; `default` is MISSING if a recipe must give a value."""

    name: str
    annotation: str
    type: Any
    default: Any
    doc: str = ""


@dataclass(frozen=True)
class Spec:
    """Describes a component before it is imported."""

    component: Component
    options: Mapping[str, Option]
    shared: frozenset[str]
    traits: Mapping[str, Any]
    doc: str = ""
    optional_shared: frozenset[str] = frozenset()
    """Those of `shared` that have a default, so that the component works without them."""

    @property
    def summary(self) -> str:
        """The first sentence of its documentation."""
        return self.doc.split("\n\n")[0].replace("\n", " ")


@dataclass
class _Source:
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


class _Unreadable(Exception):
    """Something that the syntax tree does not tell."""


def read(component: Component) -> Spec:
    """Returns the spec of a component. Raises UserError if the component cannot be found."""
    return _read(component) if component.made is None else _inspect(component)


@cache
def _read(component: Component) -> Spec:
    module, _, attribute = component.target.partition(":")
    source = _source(module)
    if source is None or attribute not in source.definitions:
        return _inspect(component)
    definition = source.definitions[attribute]
    try:
        chain = _bases(source, definition) if isinstance(definition, ast.ClassDef) else []
        function = definition if isinstance(definition, ast.FunctionDef) else _constructor(chain)
        arguments = _arguments(function) if function else []
    except (ValueError, _Unreadable):  # a default that is not a literal, or an unknown base class
        return _inspect(component)
    return _spec(component, arguments, _traits(chain), ast.get_docstring(definition) or "")


def _spec(component: Component, arguments: list[tuple[str, Any, Any]], traits: Mapping[str, Any], doc: str) -> Spec:
    documented = _documented(doc)
    found = {
        name: Option(name, _annotation_text(annotation), _evaluate(annotation), default, documented.get(name, ""))
        for name, annotation, default in arguments
        if name not in SHARED
    }
    shared = {name: default for name, _, default in arguments if name in SHARED}
    optional_shared = frozenset(name for name, default in shared.items() if default is not MISSING)
    return Spec(component, found, frozenset(shared), traits, _prose(doc), optional_shared)


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
    own = [cls for cls in classes if cls.__module__.partition(".")[0] not in FOREIGN]
    traits = {name: value for cls in own for name, value in vars(cls).items() if _is_trait(name, value)}
    return _spec(component, arguments, traits, inspect.getdoc(thing) or "")


def _is_trait(name: str, value: Any) -> bool:
    return not name.startswith("_") and isinstance(value, str | bool | frozenset | tuple | dict | int | float)


@cache
def _source(module: str) -> _Source | None:
    """Parses a module, found without importing it (its parent packages are imported, and import little)."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if found is None or not found.origin or not found.origin.endswith(".py"):
        return None
    package = module if found.submodule_search_locations is not None else module.rpartition(".")[0]
    source = _Source(module)
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
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
    """Yields a statement; of `if TYPE_CHECKING:` those inside, which name what a package exports lazily."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return node.body
    return [node]


def _bases(source: _Source, node: ast.ClassDef) -> list[ast.ClassDef]:
    """Returns the class and its base classes, nearest first; those of torch and the standard library are left out.

    Raises:
        _Unreadable: if a base class cannot be found.
    """
    chain = [node]
    for base in node.bases:
        found = _resolve(source, base.value if isinstance(base, ast.Subscript) else base)
        if found is not None:
            chain += _bases(*found)
    return chain


def _resolve(source: _Source, node: ast.expr) -> tuple[_Source, ast.ClassDef] | None:
    """Finds the definition of a base class `Name` or `module.Name`; None for one of a foreign library."""
    *path, name = ast.unparse(node).split(".")
    module = source.module
    for number, part in enumerate(path):
        if number == 0:
            if part not in source.imports:
                raise _Unreadable(part)
            home, attribute = source.imports[part]
            module = f"{home}.{attribute}" if attribute else home
        else:
            module = f"{module}.{part}"
    return _find(module, name, set())


def _find(module: str, name: str, seen: set[tuple[str, str]]) -> tuple[_Source, ast.ClassDef] | None:
    """Follows imports and re-exports to a class's definition."""
    if module.partition(".")[0] in FOREIGN:
        return None
    source = _source(module)
    if source is None or (module, name) in seen:
        raise _Unreadable(f"{module}.{name}")
    seen.add((module, name))
    definition = source.definitions.get(name)
    if isinstance(definition, ast.ClassDef):
        return source, definition
    if name in source.imports:
        home, attribute = source.imports[name]
        if attribute is not None:
            return _find(home, attribute, seen)
    for home in source.stars:
        try:
            return _find(home, name, seen)
        except _Unreadable:
            continue
    if hasattr(builtins, name):
        return None
    raise _Unreadable(f"{module}.{name}")


FOREIGN = frozenset({"torch", "builtins", *sys.stdlib_module_names})
"""Packages whose classes bring neither options nor traits."""


def _constructor(chain: Iterable[ast.ClassDef]) -> ast.FunctionDef | None:
    for cls in chain:
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


def _traits(chain: Iterable[ast.ClassDef]) -> dict[str, Any]:
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
            if _is_trait(name, literal):
                found.setdefault(name, literal)
    return found


def _annotation_text(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _evaluate(annotation: Any) -> Any:
    """The type behind an annotation. Names of `textgan.core.options` and built-in types are known; others are Any."""
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
