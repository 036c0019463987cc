"""Reads a component's options, shared objects, traits and documentation from its source, without importing it.

Importing a generator imports torch, which takes over a second; checking a recipe or listing components takes a fraction
of that. So signatures and class attributes are read from the syntax tree (`textgan.core.source`). A component for which
that is not possible is imported and inspected instead: slower, with the same result. Examples are a class made at run
time, a decorated class, a file without source, and a base class that cannot be found.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from textgan.core import options, source
from textgan.core.registry import Component
from textgan.core.source import MISSING

__all__ = ["MISSING", "SHARED", "Option", "Spec", "read"]

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
"""Arguments that receive an object of the run and are not options, in the order in which a run creates them."""


@dataclass(frozen=True)
class Option:
    """One keyword argument of a component.

    Args:
        name: its name.
        annotation: its annotation, as text.
        type: its evaluated annotation; Any if that is not known.
        default: its default; MISSING if a recipe must set it.
        doc: its entry in the docstring.
    """

    name: str
    annotation: str
    type: Any
    default: Any
    doc: str = ""


@dataclass(frozen=True)
class Spec:
    """Describes a component before it is imported.

    Args:
        component: the registered component.
        options: its options, by name.
        shared: the objects of the run that it receives (see `SHARED`).
        traits: class attributes that hold literals.
        doc: its documentation without the sections.
        optional_shared: those of `shared` that have a default, so that the component works without them.
    """

    component: Component
    options: Mapping[str, Option]
    shared: frozenset[str]
    traits: Mapping[str, Any]
    doc: str = ""
    optional_shared: frozenset[str] = frozenset()

    @property
    def summary(self) -> str:
        """The first paragraph of its documentation."""
        return self.doc.split("\n\n")[0].replace("\n", " ")


def read(component: Component) -> Spec:
    """Returns the spec of a component.

    Raises:
        UserError: if the component has to be imported and cannot be.
    """
    return _read(component) if component.value is None else _read_registered(component, component.value)


@cache
def _read_registered(component: Component, value: Any) -> Spec:
    """Caches by the value as well: a class that is registered again under the same name is inspected again."""
    return _inspect(component)


@cache
def _read(component: Component) -> Spec:
    return _parse(component) or _inspect(component)


def _parse(component: Component) -> Spec | None:
    """Reads the spec from the source. None if the source does not contain all of it."""
    module, _, attribute = component.target.partition(":")
    parsed = source.parse_module(module)
    if parsed is None or attribute not in parsed.definitions:
        return None
    definition = parsed.definitions[attribute]
    try:
        chain = source.class_chain(parsed, definition) if isinstance(definition, ast.ClassDef) else []
        function = definition if isinstance(definition, ast.FunctionDef) else source.constructor(chain)
        arguments = source.arguments(function) if function else []
    except (ValueError, source.Unreadable):
        return None
    return _spec(component, arguments, source.traits(chain), ast.get_docstring(definition) or "")


def _inspect(component: Component) -> Spec:
    """Imports the component and reads the spec from the class or function itself."""
    value = component.load()
    signature = inspect.signature(value)
    arguments = [
        (
            p.name,
            Any if p.annotation is p.empty else p.annotation,
            MISSING if p.default is p.empty else p.default,
        )
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    classes = reversed(inspect.getmro(value)) if isinstance(value, type) else ()
    own = [cls for cls in classes if not _is_foreign(cls)]
    traits = {name: trait for cls in own for name, trait in vars(cls).items() if source.is_trait(name, trait)}
    return _spec(component, arguments, traits, inspect.cleandoc(value.__doc__ or ""))


def _is_foreign(cls: type) -> bool:
    """Returns whether a class is one of torch or the standard library.

    An abstract class made by calling `type` names `abc` as its module, which does not contain it.
    """
    return source.is_foreign(cls.__module__) and hasattr(sys.modules.get(cls.__module__), cls.__name__)


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


def _annotation_text(annotation: Any) -> str:
    for name in options.__all__:
        if annotation == getattr(options, name):
            return name
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def _evaluate(annotation: Any) -> Any:
    """Evaluates an annotation of built-in types and names of `textgan.core.options`; Any for all others."""
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
    """Returns argument -> its entry in the docstring's Args section."""
    match = _ARGS.search(inspect.cleandoc(doc))
    if not match:
        return {}
    entries = re.split(r"^(\w[\w, ]*):\s", textwrap.dedent(match[1]), flags=re.MULTILINE)[1:]
    pairs = zip(entries[::2], entries[1::2], strict=True)
    return {name.strip(): " ".join(text.split()) for names, text in pairs for name in names.split(",")}


def _prose(doc: str) -> str:
    """Returns the docstring without its sections."""
    return re.split(r"^(?:Args|Raises|Returns):\n", inspect.cleandoc(doc), flags=re.MULTILINE)[0].strip()
