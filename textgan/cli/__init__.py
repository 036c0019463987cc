"""Implements the command line: `textgan run`, `sample`, `evaluate`, `compare`, `list`, `check` and others.

Each command is one module in `textgan.cli.commands`; `textgan.cli.display` shows progress and results. A command
imports torch only when it needs it, so help and recipe errors appear without that delay.
"""

from __future__ import annotations

from textgan.cli.exit_codes import main

__all__ = ["main"]
