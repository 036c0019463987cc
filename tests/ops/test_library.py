"""When the compiled kernels are available: the environment variable, the compiler and the cache folder."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import torch

from textgan.ops import library
from textgan.ops.linear_sample import CompiledLinear

SAMPLE = """
import os, sys, torch
from textgan.ops import library
from textgan.ops.linear_sample import CompiledLinear
for folder in sys.argv[1:]:
    os.environ["XDG_CACHE_HOME"] = folder
    library.load.cache_clear()
    kernel = CompiledLinear(library.load(), torch.zeros(5, 2), torch.zeros(5))
    tokens = kernel.sample(torch.zeros(40, 2), torch.linspace(0, 0.99, 40), False)
    assert sorted(set(tokens.tolist())) == [0, 1, 2, 3, 4]
"""


def available() -> bool:
    """Returns whether a new process would find the kernels, and checks that they work."""
    library.load.cache_clear()
    kernels = library.load()
    if kernels is None:
        return False
    kernel = CompiledLinear(kernels, torch.zeros(5, 2), torch.zeros(5))
    tokens = kernel.sample(torch.zeros(40, 2), torch.linspace(0, 0.99, 40), False)
    assert sorted(set(tokens.tolist())) == [0, 1, 2, 3, 4]
    return True


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled library in a folder of its own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.delenv(library.SWITCH, raising=False)
        if not available():
            pytest.skip("no compiler")
    (found,) = (folder / "textgan").iterdir()
    return found


@pytest.fixture(autouse=True)
def _environment(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(compiled.parents[1]))
    monkeypatch.delenv(library.SWITCH, raising=False)
    yield
    library.load.cache_clear()


def test_the_library_is_compiled_once_and_cached(compiled: Path) -> None:
    before = compiled.stat()
    assert available()
    after = compiled.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert list(compiled.parent.iterdir()) == [compiled]


@pytest.mark.parametrize(("value", "found"), [("0", False), ("1", True)])
def test_kernels_can_be_turned_off(value: str, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGAN_NATIVE", value)
    assert available() is found


@pytest.mark.parametrize("compiler", ["/nonexistent", "false"])
def test_without_a_compiler_there_are_no_kernels(compiler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", compiler)
    assert not available()


def test_no_library_is_loaded_from_a_folder_that_others_can_write_to(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "textgan"
    folder.mkdir()
    (folder / compiled.name).write_bytes(compiled.read_bytes())
    for mode, found in ((0o777, False), (0o775, False), (0o755, True)):
        folder.chmod(mode)
        assert available() is found


def test_a_cache_folder_that_cannot_be_created_is_not_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert not available()


def test_a_user_without_a_home_folder_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert not available()


def test_a_damaged_library_is_built_again(compiled: Path, tmp_path: Path) -> None:
    """Truncated, as by a full disk, or with a part of zeros. Loading one would crash the process."""
    whole = compiled.read_bytes()
    damaged = [whole[: int(share * len(whole))] for share in (0, 0.01, 0.5, 0.9)]
    damaged.append(whole[: len(whole) // 2].ljust(len(whole), b"\0"))
    folders = [tmp_path / str(number) for number in range(len(damaged))]
    for folder, content in zip(folders, damaged, strict=True):
        (folder / "textgan").mkdir(parents=True, mode=0o700)
        (folder / "textgan" / compiled.name).write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-c", SAMPLE, *map(str, folders)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"the process ended with {ran.returncode}:\n{ran.stderr}"
    for folder, content in zip(folders, damaged, strict=True):
        assert (folder / "textgan" / compiled.name).read_bytes() != content


def test_declared_argument_types_are_those_of_the_c_functions() -> None:
    """ctypes would pass an argument of another type in the wrong place without an error."""
    found = {}
    for name in library.SOURCES:
        source = files("textgan.ops").joinpath("csrc", name).read_text(encoding="utf-8")
        for function, arguments in re.findall(r"^void (textgan_\w+)\(([^)]*)\)", source, re.MULTILINE):
            letters = (
                "p" if "*" in one else {"int64_t": "l", "int32_t": "i"}[one.split()[0]] for one in arguments.split(",")
            )
            found[function] = "".join(letters)
    assert found == library.SIGNATURES


def test_every_c_file_is_listed() -> None:
    names = {file.name for file in files("textgan.ops").joinpath("csrc").iterdir()}
    assert names == {*library.SOURCES, *library.HEADERS}
