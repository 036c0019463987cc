from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from textgan.core import source
from textgan.core.source import MISSING, ModuleSource, Unreadable


@pytest.fixture(autouse=True)
def _no_cache() -> None:
    source.parse_module.cache_clear()


def write(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleSource:
    (folder / "written.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    found = source.parse_module("written")
    assert found is not None
    assert "written" not in sys.modules
    return found


def test_definitions_and_imports_are_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "from typing import TYPE_CHECKING\nimport a.b\nimport c.d as e\nfrom f import g as h\nfrom i import *\n"
        "if TYPE_CHECKING:\n    from j import k\nif x:\n    import hidden\nclass A: ...\ndef b(): ...\n"
    )
    found = write(tmp_path, text, monkeypatch)
    assert sorted(found.definitions) == ["A", "b"]
    assert found.stars == ["i"]
    assert found.imports == {
        "TYPE_CHECKING": ("typing", "TYPE_CHECKING"),
        "a": ("a", None),
        "e": ("c.d", None),
        "h": ("f", "g"),
        "k": ("j", "k"),
    }


def test_relative_imports_are_resolved() -> None:
    found = source.parse_module("textgan.core")
    assert found is not None
    assert found.imports["Batch"] == ("textgan.core.types", "Batch")


@pytest.mark.parametrize("module", ["no_such_module", "textgan.no_such", "math", "sys", "no.such.package", ""])
def test_modules_without_source_give_none(module: str) -> None:
    assert source.parse_module(module) is None


def test_a_file_that_is_not_python_gives_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("class", encoding="utf-8")
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff'")
    monkeypatch.syspath_prepend(tmp_path)
    assert source.parse_module("broken") is None
    assert source.parse_module("bytes") is None


def function(text: str) -> ast.FunctionDef:
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


def test_arguments_that_can_be_passed_by_keyword() -> None:
    found = source.arguments(function("def f(self, p, /, a, b: int = 3, *c, d: 'str' = 'x', e, **g): ..."))
    assert found == [("a", "Any", MISSING), ("b", "int", 3), ("d", "'str'", "x"), ("e", "Any", MISSING)]
    assert source.arguments(function("def f(p=1, /, q=2): ...")) == [("q", "Any", 2)]
    assert source.arguments(function("def f(self, a=frozenset({1}), b=frozenset()): ...")) == [
        ("a", "Any", frozenset({1})),
        ("b", "Any", frozenset()),
    ]


@pytest.mark.parametrize("default", ["X", "f()", "frozenset(X)", "[x for x in y]"])
def test_defaults_that_are_not_literals_are_refused(default: str) -> None:
    with pytest.raises(ValueError, match="malformed"):
        source.arguments(function(f"def f(a={default}): ..."))


def test_the_nearest_class_defines_constructor_and_traits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "from torch import nn\nclass A(nn.Module):\n    x = 1\n    y: int = 2\n    z: int\n    _u = 3\n    v = [4]\n"
        "    w = f()\n    def __init__(self, a): ...\nclass B(A):\n    x = 'b'\nclass C(B):\n    'C.'\n"
    )
    found = write(tmp_path, text, monkeypatch)
    node = found.definitions["B"]
    assert isinstance(node, ast.ClassDef)
    chain = source.class_chain(found, node)
    assert [cls.name for cls in chain] == ["B", "A"]
    assert source.traits(chain) == {"x": "b", "y": 2}
    nearest = source.constructor(chain)
    assert nearest is not None
    assert source.arguments(nearest) == [("a", "Any", MISSING)]
    assert source.constructor(chain[:1]) is None


@pytest.mark.parametrize("head", ["class A(B)", "class A(b.C)", "class A(f())", "@d\nclass A", "B = 1\nclass A(B)"])
def test_unknown_base_classes_and_decorators_are_unreadable(
    head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = write(tmp_path, f"{head}: ...", monkeypatch)
    node = found.definitions["A"]
    assert isinstance(node, ast.ClassDef)
    with pytest.raises(Unreadable):
        source.class_chain(found, node)


def test_exceptions_and_libraries_end_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = write(tmp_path, "import enum\nclass A(ValueError): ...\nclass B(enum.Enum): ...\n", monkeypatch)
    for node in found.definitions.values():
        assert isinstance(node, ast.ClassDef)
        assert source.class_chain(found, node) == [node]
    assert source.is_foreign("torch.nn")
    assert not source.is_foreign("torchvision")
