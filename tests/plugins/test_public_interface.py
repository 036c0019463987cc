"""Plugins use the public interface only: `textgan.types`, `roles`, `options` and documented helpers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from support.paths import ROOT

PLUGINS = ROOT / "plugins"
PUBLIC = {"textgan.options", "textgan.roles", "textgan.types"}
HELPERS = {
    "ema_reinforce": set(),
    "maskgan": {
        "textgan.core.errors",
        "textgan.core.seeding",
        "textgan.generation.autoregressive",
        "textgan.metrics.functional.ngrams",
        "textgan.nn.embedding",
        "textgan.nn.lm_head",
        "textgan.nn.logit_mask",
        "textgan.nn.lstm",
    },
    "rankgan": {"textgan.core.errors"},
}
"""Documented helpers that each plugin uses."""


def imported(source: str) -> set[str]:
    """Returns the modules of textgan that a source imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names if name == "textgan" or name.startswith("textgan.")}


@pytest.mark.parametrize("file", sorted(PLUGINS.glob("*/*.py")), ids=lambda file: str(file.relative_to(PLUGINS)))
def test_plugins_import_the_public_interface_only(file: Path) -> None:
    assert imported(file.read_text(encoding="utf-8")) <= PUBLIC | HELPERS[file.parent.name]


def test_both_forms_of_import_are_found() -> None:
    source = "import textgan.runs.builder\nfrom textgan.losses import functional\nimport torch\n"
    assert imported(source) == {"textgan.runs.builder", "textgan.losses"}
