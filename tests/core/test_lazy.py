from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that exports `f` and `g` of one module lazily, and the name of that package."""
    name = f"lazy_{tmp_path.name}".replace("-", "_")
    folder = tmp_path / name
    folder.mkdir()
    init = f"""
        from typing import TYPE_CHECKING
        from textgan.core.lazy import lazy_exports
        HERE = 1
        if TYPE_CHECKING:
            from {name}.inner import f as f
            from {name}.inner import g as other
            from {name}.missing import h as h
        __getattr__, __dir__, __all__ = lazy_exports(__name__)
    """
    (folder / "__init__.py").write_text(textwrap.dedent(init), encoding="utf-8")
    (folder / "inner.py").write_text("def f(): return 1\ndef g(): return 2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_module_is_imported_when_a_name_is_used(package: str) -> None:
    module = __import__(package)
    assert module.__all__ == ["f", "h", "other"]
    assert {"HERE", "f", "other"} <= set(dir(module))
    assert f"{package}.inner" not in sys.modules
    assert (module.f(), module.other()) == (1, 2)
    assert f"{package}.inner" in sys.modules


def test_unknown_names_are_attribute_errors(package: str) -> None:
    module = __import__(package)
    assert not hasattr(module, "g")
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = module.nothing
    with pytest.raises(ModuleNotFoundError, match="missing"):
        _ = module.h


@pytest.mark.parametrize("name", ["core", "ops", "nn"])
def test_every_exported_name_exists(name: str) -> None:
    module = __import__(f"textgan.{name}", fromlist=["x"])
    assert module.__all__
    for exported in module.__all__:
        assert getattr(module, exported) is not None
