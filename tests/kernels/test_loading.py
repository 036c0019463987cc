"""Whether there is a kernel: by the switch, the compiler and the folder, each tried in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from textgan.kernels import native

DRAW = """
import torch
from textgan.kernels import native
made = native.load()
words = made and made(torch.zeros(5, 2), torch.zeros(5)).draw(torch.zeros(40, 2), torch.linspace(0, 0.99, 40), False)
print("plain" if made is None else sorted(set(words.tolist())))
"""
DRAWN = "[0, 1, 2, 3, 4]"


def says(folder: Path, **settings: str | None) -> str:
    """What a fresh process finds, with its libraries below `folder`; None takes a variable away."""
    changed = {native.SWITCH: None, "XDG_CACHE_HOME": str(folder), "OMP_NUM_THREADS": "1", **settings}
    environment = {name: value for name, value in os.environ.items() if name not in changed}
    environment |= {name: value for name, value in changed.items() if value is not None}
    ran = subprocess.run([sys.executable, "-c", DRAW], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"the process ended with {ran.returncode}:\n{ran.stderr}"
    return ran.stdout.strip()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled library in a folder of its own."""
    folder = tmp_path_factory.mktemp("cache")
    if says(folder) == "plain":
        pytest.skip("no compiler here")
    (found,) = (folder / "textgan").iterdir()
    return found


def test_a_library_is_compiled_once_and_kept(library: Path) -> None:
    before = library.stat()
    assert says(library.parents[1]) == DRAWN
    after = library.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert list(library.parent.iterdir()) == [library]


def test_it_can_be_switched_off(library: Path) -> None:
    assert says(library.parents[1], TEXTGAN_NATIVE="0") == "plain"
    assert says(library.parents[1], TEXTGAN_NATIVE="1") == DRAWN


def test_without_a_compiler_there_is_none(library: Path) -> None:
    assert says(library.parents[1], CC="/nonexistent") == "plain"
    assert says(library.parents[1], CC="false") == "plain"


def test_nothing_is_loaded_from_a_folder_that_others_write_to(library: Path, tmp_path: Path) -> None:
    folder = tmp_path / "textgan"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / library.name).write_bytes(library.read_bytes())
    assert says(tmp_path) == "plain"
    folder.chmod(0o755)
    assert says(tmp_path) == DRAWN


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert says(tmp_path / "file") == "plain"


def test_a_user_without_a_home_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv(native.SWITCH, raising=False)
    assert native.load.__wrapped__() is None


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.9, 1.0])
def test_a_damaged_library_ends_no_run(library: Path, tmp_path: Path, kept: float) -> None:
    """Cut short, as a full disk leaves it, or of the right length with a part of it lost. It is made anew."""
    folder = tmp_path / "textgan"
    folder.mkdir(mode=0o700)
    whole = library.read_bytes()
    size = int(kept * len(whole))
    damaged = whole[:size] if kept < 1 else whole[: len(whole) // 2].ljust(len(whole), b"\0")
    (folder / library.name).write_bytes(damaged)
    assert says(tmp_path) == DRAWN
    assert (folder / library.name).read_bytes() != damaged
    assert says(tmp_path) == DRAWN
