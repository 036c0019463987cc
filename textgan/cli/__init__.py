"""The command line: `textgan run`, `sample`, `evaluate`, `list`, `show`, `check`, `init`, `new`.

One small module a command. Torch is imported by the commands that need it, when they need it, so that help
and every complaint about a recipe appear at once.
"""

from __future__ import annotations

from textgan.cli.exit_codes import main

__all__ = ["main"]
