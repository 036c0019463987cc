"""Re-exports a package's public names, and imports the module that defines a name when the name is first used.

Listing components and checking recipes must not import torch, so packages cannot import their modules eagerly.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def lazy_exports(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Returns `__getattr__`, `__dir__` and `__all__` for a package.

    The names are those that the package imports under `if TYPE_CHECKING:`, so type checkers, readers and the running
    program see one list.

    Args:
        package: the package's `__name__`.
    """
    homes: dict[str, tuple[str, str]] = {}
    source = Path(str(sys.modules[package].__file__)).read_text(encoding="utf-8")
    for block in ast.parse(source).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for node in block.body:
                if isinstance(node, ast.ImportFrom) and node.module:
                    homes |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}

    def get(name: str) -> Any:
        if name in homes:
            module, attribute = homes[name]
            return getattr(import_module(module), attribute)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names, sorted(homes)
