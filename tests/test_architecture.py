"""The arrows between modules point up the table in docs/architecture.md, which is the only place that has it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "textgan"
FILES = sorted(PACKAGE.rglob("*.py"))


def layers(text: str) -> dict[str, int]:
    """Module or folder of textgan -> its row, from the table of the page."""
    table = text.partition("| row | modules |")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", line) for line in table.splitlines()[2:]]
    return {name: number for number, row in enumerate(rows) for name in row}


class Imports(ast.NodeVisitor):
    """What a module imports at whatever place, except for type checkers alone."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [alias.name for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, "imports are absolute"
        self.found += [f"{node.module}.{alias.name}" for alias in node.names]


def imported(source: str) -> Iterator[str]:
    """The modules and folders of textgan that a source imports: "textgan.data.corpus.Corpus" -> "data"."""
    visitor = Imports()
    visitor.visit(ast.parse(source))
    for name in visitor.found:
        first, *rest = name.split(".")
        if first == "textgan":
            exists = rest and ((PACKAGE / rest[0]).is_dir() or (PACKAGE / f"{rest[0]}.py").is_file())
            yield rest[0] if exists else "textgan"


def home(file: Path) -> str:
    """The module or folder that a file belongs to."""
    inside = file.relative_to(PACKAGE).with_suffix("").parts
    return "textgan" if inside == ("__init__",) else inside[0]


def wrong(mine: str, source: str, rows: dict[str, int]) -> list[str]:
    """The imports of a source that do not point up the table."""
    return [name for name in dict.fromkeys(imported(source)) if name != mine and rows[name] >= rows[mine]]


TABLE = layers((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))


def test_every_module_has_its_row() -> None:
    missing = sorted({home(file) for file in FILES} - TABLE.keys())
    assert not missing, f"say in the table of docs/architecture.md where {', '.join(missing)} belongs"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_only_what_stands_above(file: Path) -> None:
    mine = home(file)
    bad = wrong(mine, file.read_text(encoding="utf-8"), TABLE)
    assert not bad, f"{file.relative_to(ROOT)} must not import textgan.{bad[0]}; see docs/architecture.md"


def test_the_rule_itself() -> None:
    """A component that imports another, or the loop, is caught; a type checker's import is not."""
    assert wrong("rewards", "from textgan.losses.bce import Bce", TABLE) == ["losses"]
    assert wrong("types", "def f():\n    from textgan import roles", TABLE) == ["roles"]
    assert wrong("estimators", "import textgan.training.loop", TABLE) == ["training"]
    assert wrong("running", "from textgan import run", TABLE) == ["textgan"]
    for fine in (
        "from textgan.estimators import credit",
        "from textgan import options",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from textgan.training.loop import RoundResult",
    ):
        assert wrong("estimators", fine, TABLE) == []
