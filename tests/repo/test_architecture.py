"""Imports follow the tables in docs/architecture.md, which are the only place that defines the order."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from support.paths import ROOT

PACKAGE = ROOT / "textgan"
FILES = sorted(PACKAGE.rglob("*.py"))
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def tables(text: str) -> list[dict[str, int]]:
    """The tables of packages, in order: package -> its row."""
    found = []
    for part in text.split("| row | packages |")[1:]:
        rows = [re.findall(r"`(\w+)`", line) for line in part.partition("\n\n")[0].splitlines()[2:]]
        found.append({name: number for number, row in enumerate(rows) for name in row})
    return found


ROWS, COMPARE_ROWS = tables(PAGE)


class Imports(ast.NodeVisitor):
    """Collects the imports of a module, except those for type checkers alone."""

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


def imported(source: str, inside: str = "textgan") -> Iterator[str]:
    """Yields the packages that a source imports from a package: "textgan.data.corpus.Corpus" -> "data"."""
    visitor = Imports()
    visitor.visit(ast.parse(source))
    for name in visitor.found:
        if name != inside and not name.startswith(f"{inside}."):
            continue
        first = name.removeprefix(inside).lstrip(".").partition(".")[0]
        folder = ROOT.joinpath(*inside.split("."))
        exists = first and ((folder / first).is_dir() or (folder / f"{first}.py").is_file())
        yield first if exists else inside.rpartition(".")[2]


def home(file: Path, folder: Path = PACKAGE) -> str:
    """The package that a file belongs to."""
    inside = file.relative_to(folder).with_suffix("").parts
    return folder.name if inside == ("__init__",) else inside[0]


def wrong(mine: str, source: str, rows: dict[str, int], inside: str = "textgan") -> list[str]:
    """The imports of a source that do not point up the table."""
    return [name for name in dict.fromkeys(imported(source, inside)) if name != mine and rows[name] >= rows[mine]]


def test_every_package_has_a_row() -> None:
    missing = sorted({home(file) for file in FILES} - ROWS.keys())
    assert not missing, f"add {', '.join(missing)} to the table of docs/architecture.md"


def test_there_are_seventeen_packages() -> None:
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert len(packages) == 17
    files = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert files == {"__init__.py", "__main__.py", "options.py", "py.typed", "roles.py", "types.py"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_upwards_in_the_table(file: Path) -> None:
    bad = wrong(home(file), file.read_text(encoding="utf-8"), ROWS)
    assert not bad, f"{file.relative_to(ROOT)} must not import textgan.{bad[0]}; see docs/architecture.md"


@pytest.mark.parametrize("file", sorted((PACKAGE / "compare").rglob("*.py")), ids=lambda file: file.stem)
def test_imports_inside_compare(file: Path) -> None:
    mine = home(file, PACKAGE / "compare")
    if mine != "compare":
        bad = wrong(mine, file.read_text(encoding="utf-8"), COMPARE_ROWS, "textgan.compare")
        assert not bad, f"{file.relative_to(ROOT)} must not import textgan.compare.{bad[0]}"


def test_the_rule_itself() -> None:
    """Catches a component that imports another, or the loop; ignores a type checker's import."""
    assert wrong("estimators", "from textgan.losses.bce import Bce", ROWS) == ["losses"]
    assert wrong("core", "def f():\n    from textgan import roles", ROWS) == ["roles"]
    assert wrong("estimators", "import textgan.training.loop", ROWS) == ["training"]
    assert wrong("runs", "from textgan import run", ROWS) == ["textgan"]
    assert wrong("design", "from textgan.compare.reporting import chart", COMPARE_ROWS, "textgan.compare") == [
        "reporting"
    ]
    for fine in (
        "from textgan.estimators import returns",
        "from textgan.core import options",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from textgan.training.loop import RoundResult",
    ):
        assert wrong("estimators", fine, ROWS) == []


@pytest.mark.parametrize("package", sorted(p.parent for p in PACKAGE.rglob("__init__.py")), ids=lambda p: p.name)
def test_public_names_can_be_imported(package: Path) -> None:
    module = import_module(".".join(package.relative_to(ROOT).parts))
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name), f"{module.__name__} exports {name}, which does not exist"


ALONE = {"__init__", "__main__"}
"""Modules without a test file of their own: packages and the entry point."""


def test_the_tests_mirror_the_package() -> None:
    """Every module has a test file of the same path."""
    modules = [file.relative_to(PACKAGE) for file in FILES if file.stem not in ALONE and file.parent != PACKAGE]
    missing = [
        str(path)
        for path in modules
        if not (ROOT / "tests" / path.parent / f"test_{path.stem.lstrip('_')}.py").is_file()
    ]
    assert not missing, f"modules without tests/.../test_NAME.py: {', '.join(missing)}"
