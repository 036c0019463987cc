"""Finds components by kind and name, through entry points.

Each kind has one entry-point group, such as `textgan.generators`. The toolkit declares its own components in the same
groups as plugins do. Listing imports nothing; a component's module is imported when it is first used. A file given with
`--plugin` calls `register` instead.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from textgan.core.errors import UserError

KINDS = {
    "data": "data",
    "tokenizer": "tokenizers",
    "blanks": "blanks",
    "generator": "generators",
    "discriminator": "discriminators",
    "loss": "losses",
    "reward": "rewards",
    "estimator": "estimators",
    "decoding": "decodings",
    "objective": "objectives",
    "optimizer": "optimizers",
    "metric": "metrics",
    "callback": "callbacks",
    "tracker": "trackers",
}
"""Kind, as recipes name it -> its plural, as entry-point groups and `textgan list` name it."""


@dataclass(frozen=True)
class Component:
    """A registered component, not yet imported.

    Args:
        kind: one of `KINDS`.
        name: its name in recipes.
        target: "module:attribute".
        provider: the distribution or file that provides it.
        version: the distribution's version.
        value: the class or function itself, if it was registered in this process.
    """

    kind: str
    name: str
    target: str
    provider: str
    version: str
    value: Any = field(default=None, compare=False, repr=False)

    def load(self) -> Callable[..., Any]:
        """Imports and returns the class or function.

        Raises:
            UserError: if its module cannot be imported.
        """
        if self.value is not None:
            return self.value  # type: ignore[no-any-return]
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
        except (ImportError, AttributeError, SyntaxError) as error:
            raise UserError(
                f'{self.kind} "{self.name}" of {self.provider} {self.version} cannot be loaded '
                f"from {self.target}: {error}"
            ) from error


_added: list[Component] = []


@cache
def _installed() -> tuple[Component, ...]:
    found = []
    for kind, plural in KINDS.items():
        for entry in metadata.entry_points(group=f"textgan.{plural}"):
            dist = entry.dist
            provider, version = (dist.name, dist.version) if dist else ("unknown", "")
            found.append(Component(kind, entry.name, entry.value, provider, version))
    return tuple(dict.fromkeys(found))


def components(kind: str | None = None) -> list[Component]:
    """Lists the registered components of one kind or of all, sorted by kind and name."""
    return sorted(
        (c for c in (*_installed(), *_added) if kind in (None, c.kind)),
        key=lambda c: (list(KINDS).index(c.kind), c.name),
    )


def find(kind: str, name: str) -> Component:
    """Returns the component of that kind and name.

    Raises:
        UserError: if there is none, with the nearest name, or if two distributions provide one.
    """
    found = [c for c in components(kind) if c.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        providers = " and ".join(f"{c.provider} {c.version}" for c in found)
        raise UserError(f'{kind} "{name}" is provided twice, by {providers}; uninstall one of them')
    names = [c.name for c in components(kind)]
    choices = (
        f"; expected one of: {', '.join(names)}; pass a plugin file with --plugin, "
        "or run `pip install -e` again after adding entry points"
    )
    raise UserError(f'there is no {kind} "{name}"{suggest(name, names) or choices}')


def suggest(name: str, names: Iterable[str]) -> str:
    """Returns '; did you mean "x"?' for the nearest of the names, or '' if none is near."""
    near = difflib.get_close_matches(name, list(names), 1, 0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


def register(kind: str, name: str) -> Callable[[Any], Any]:
    """Registers the decorated class or function for this process: `@register("reward", "short")`.

    Registering it again (a notebook cell run twice) replaces it.

    Raises:
        UserError: if the kind is not one of `KINDS`.
    """
    if kind not in KINDS:
        raise UserError(f'there is no kind "{kind}"{suggest(kind, KINDS)}; expected one of: {", ".join(KINDS)}')

    def decorate(value: Any) -> Any:
        target = f"{value.__module__}:{value.__qualname__}"
        file = getattr(sys.modules.get(value.__module__), "__file__", None) or "this process"
        _added[:] = [c for c in _added if (c.kind, c.name, c.target) != (kind, name, target)]
        _added.append(Component(kind, name, target, Path(file).name, "", value))
        return value

    return decorate


def load_plugin(path: Path) -> None:
    """Runs a plugin file, whose `register` calls take effect. Call it only with a path that the user typed.

    Raises:
        UserError: if the file does not exist, is not a Python file, or raises an exception.
    """
    if not path.is_file():
        raise UserError(f"--plugin {path}: there is no such file; expected a Python file, name.py")
    name = f"textgan_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"--plugin {path}: not a Python file; expected name.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"--plugin {path}: the file raises {type(error).__name__}: {error}") from error
