"""Names -> components, by entry points. Listing imports nothing; a component's module is imported on first use.

One group for each kind, `textgan.generators` and so on. The toolkit's own components are declared through the same
groups as a stranger's, so there is one mechanism. A file given with `--plugin` uses `register` instead.
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
"""Each kind, as a recipe names it, and its plural, as entry-point groups and `textgan list` do."""


@dataclass(frozen=True)
class Component:
    """A registered name, not yet imported.

    Args:
        kind, name: what a recipe calls it.
        target: "module:attribute".
        provider: the distribution or file that brought it, and its version.
    """

    kind: str
    name: str
    target: str
    provider: str
    version: str
    made: Any = field(default=None, compare=False, repr=False)
    """The thing itself, where it was registered in this process."""

    def load(self) -> Callable[..., Any]:
        """The class or function itself. Raises UserError if its module cannot be imported."""
        if self.made is not None:
            return self.made  # type: ignore[no-any-return]
        module, _, attribute = self.target.partition(":")
        try:
            found = import_module(module)
            return getattr(found, attribute)  # type: ignore[no-any-return]
        except (ImportError, AttributeError) as error:
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
    """All registered components, of one kind or of all, in alphabetical order."""
    return sorted(
        (c for c in (*_installed(), *_added) if kind in (None, c.kind)),
        key=lambda c: (list(KINDS).index(c.kind), c.name),
    )


def find(kind: str, name: str) -> Component:
    """The component of that name. Raises UserError, with the nearest name, if there is none or there are two."""
    found = [c for c in components(kind) if c.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        providers = " and ".join(f"{c.provider} {c.version}" for c in found)
        raise UserError(f'{kind} "{name}" is provided twice, by {providers}; uninstall one of them')
    names = [c.name for c in components(kind)]
    near = suggest(name, names)
    others = f"; there are: {', '.join(names)}. A plugin's file is named with --plugin; an "
    others += "installed one's new names are seen after `pip install -e` is run once more"
    raise UserError(f'there is no {kind} "{name}"{near or others}')


def suggest(name: str, names: Iterable[str]) -> str:
    """'; did you mean "x"?', or nothing if no name is near."""
    near = difflib.get_close_matches(name, list(names), 1, 0.6)
    return f'; did you mean "{near[0]}"?' if near else ""


def register(kind: str, name: str) -> Callable[[Any], Any]:
    """A decorator that registers a class or function for this process: `@register("reward", "short")`.

    Registering the same thing again (a notebook cell run twice) replaces it.
    """
    if kind not in KINDS:
        raise UserError(f'there is no kind "{kind}"{suggest(kind, KINDS)}; there are: {", ".join(KINDS)}')

    def decorate(thing: Any) -> Any:
        target = f"{thing.__module__}:{thing.__qualname__}"
        file = getattr(sys.modules.get(thing.__module__), "__file__", None) or "this process"
        _added[:] = [c for c in _added if (c.kind, c.name, c.target) != (kind, name, target)]
        _added.append(Component(kind, name, target, Path(file).name, "", thing))
        return thing

    return decorate


def load_plugin(path: Path) -> None:
    """Runs a plugin file, whose `register` calls take effect. Only ever called with a path that the user typed."""
    if not path.is_file():
        raise UserError(f"plugin {path}: there is no such file")
    name = f"textgan_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"plugin {path}: a plugin is a Python file, name.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"plugin {path} fails when it is run: {type(error).__name__}: {error}") from error
