"""textgan: adversarial text generation from YAML recipes.

    >>> import textgan
    >>> result = textgan.run("seqgan", "data.name=text", "data.path=captions.txt", seed=1)   # doctest: +SKIP
    >>> textgan.load(result.folder).sample(20, temperature=0.8)                               # doctest: +SKIP

Importing this package is cheap: torch is imported by what needs it.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from textgan.core.errors import UserError
from textgan.core.registry import register

if TYPE_CHECKING:
    from textgan.runs.api import resume, run, scorer
    from textgan.runs.model import load

__version__ = metadata.version("textgan")
__all__ = ["UserError", "__version__", "load", "register", "resume", "run", "scorer"]

_HOMES = {"run": "textgan.runs.api", "resume": "textgan.runs.api", "scorer": "textgan.runs.api", "load": "textgan.runs.model"}


def __getattr__(name: str) -> Any:
    """The functions that need torch, imported when they are first used."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'textgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
