from __future__ import annotations

import errno
from pathlib import Path

import pytest
from safetensors import SafetensorError

from textgan.core.errors import Failure
from textgan.runs import atomic


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with atomic.writing(tmp_path / "model") as temporary:
            (temporary / "deep").mkdir()
            (temporary / "deep" / name).write_text(name)
    assert [path.name for path in (tmp_path / "model/deep").iterdir()] == ["second"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def fail_while_writing(folder: Path, error: Exception) -> None:
    with atomic.writing(folder) as temporary:
        (temporary / "weights").write_text("new")
        raise error


def test_an_exception_leaves_the_old_folder(tmp_path: Path) -> None:
    with atomic.writing(tmp_path / "model") as temporary:
        (temporary / "weights").write_text("old")
    with pytest.raises(ZeroDivisionError):
        fail_while_writing(tmp_path / "model", ZeroDivisionError())
    assert (tmp_path / "model/weights").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full"),
        (SafetensorError("Error while serializing: No space left on device"), "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
    ],
)
def test_errors_of_the_disk_are_failures_with_a_reason(tmp_path: Path, error: Exception, reason: str) -> None:
    with pytest.raises(Failure, match=rf"model could not be written: .*{reason}.*; what was saved before is unchanged"):
        fail_while_writing(tmp_path / "model", error)
    assert not list(tmp_path.iterdir())


def test_a_text_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for text in ("old\n", "né\n"):
        atomic.write_text(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "né\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_text_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    atomic.write_text(tmp_path / "a.txt", "old")

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_sync", full)
    with pytest.raises(Failure, match=r"a\.txt could not be written: the disk is full"):
        atomic.write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_missing_folder_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="could not be written"):
        atomic.write_text(tmp_path / "nothing/a.txt", "text")
