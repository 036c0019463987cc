"""Whether there is a kernel: by the switch, the compiler, and the folder that it is kept in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import torch

from textgan.ops import library, linear_sample

DRAW = """
import os, sys, torch
from textgan.ops import library, linear_sample
for folder in sys.argv[1:]:
    os.environ["XDG_CACHE_HOME"] = folder
    library.load.cache_clear()
    made = linear_sample.load()
    drawn = made(torch.zeros(5, 2), torch.zeros(5)).draw(torch.zeros(40, 2), torch.linspace(0, 0.99, 40), False)
    assert sorted(set(drawn.tolist())) == [0, 1, 2, 3, 4]
"""


def there() -> bool:
    """Whether a kernel is found by a process that begins now, and works."""
    library.load.cache_clear()
    made = linear_sample.load()
    if made is None:
        return False
    drawn = made(torch.zeros(5, 2), torch.zeros(5)).draw(torch.zeros(40, 2), torch.linspace(0, 0.99, 40), False)
    assert sorted(set(drawn.tolist())) == [0, 1, 2, 3, 4]
    return True


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled library in a folder of its own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.delenv(library.SWITCH, raising=False)
        if not there():
            pytest.skip("no compiler here")
    (found,) = (folder / "textgan").iterdir()
    return found


@pytest.fixture(autouse=True)
def _environment(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(compiled.parents[1]))
    monkeypatch.delenv(library.SWITCH, raising=False)
    yield
    library.load.cache_clear()


def test_a_library_is_compiled_once_and_kept(compiled: Path) -> None:
    before = compiled.stat()
    assert there()
    after = compiled.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert list(compiled.parent.iterdir()) == [compiled]


@pytest.mark.parametrize(("value", "found"), [("0", False), ("1", True)])
def test_it_can_be_switched_off(value: str, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTGAN_NATIVE", value)
    assert there() is found


@pytest.mark.parametrize("compiler", ["/nonexistent", "false"])
def test_without_a_compiler_there_is_none(compiler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", compiler)
    assert not there()


def test_nothing_is_loaded_from_a_folder_that_others_write_to(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "textgan"
    folder.mkdir()
    (folder / compiled.name).write_bytes(compiled.read_bytes())
    for mode, found in ((0o777, False), (0o775, False), (0o755, True)):
        folder.chmod(mode)
        assert there() is found


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert not there()


def test_a_user_without_a_home_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert not there()


def test_a_damaged_library_ends_no_run(compiled: Path, tmp_path: Path) -> None:
    """Cut short, as a full disk leaves it, or with a part of it lost, it is made anew. Loaded, it ends the process."""
    whole = compiled.read_bytes()
    damaged = [whole[: int(share * len(whole))] for share in (0, 0.01, 0.5, 0.9)]
    damaged.append(whole[: len(whole) // 2].ljust(len(whole), b"\0"))
    folders = [tmp_path / str(number) for number in range(len(damaged))]
    for folder, content in zip(folders, damaged, strict=True):
        (folder / "textgan").mkdir(parents=True, mode=0o700)
        (folder / "textgan" / compiled.name).write_bytes(content)
    ran = subprocess.run([sys.executable, "-c", DRAW, *map(str, folders)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"the process ended with {ran.returncode}:\n{ran.stderr}"
    for folder, content in zip(folders, damaged, strict=True):
        assert (folder / "textgan" / compiled.name).read_bytes() != content


def test_functions_take_what_their_c_says() -> None:
    """A number that is passed as another type is read from the wrong place, and no one is told."""
    found = {}
    for name in library.SOURCES:
        source = files("textgan.kernels").joinpath(name).read_text(encoding="utf-8")
        for function, given in re.findall(r"^void (textgan_\w+)\(([^)]*)\)", source, re.MULTILINE):
            kinds = (
                "p" if "*" in one else {"int64_t": "l", "int32_t": "i"}[one.split()[0]] for one in given.split(",")
            )
            found[function] = "".join(kinds)
    assert found == library.SIGNATURES
