"""Writes files and folders atomically: to a temporary name beside the target, synced, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from textgan.core.errors import Failure


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder that replaces `folder` if the block ends without an exception.

    Args:
        folder: the target; it may exist already.

    Raises:
        Failure: if the disk is full or cannot be written. The target is then unchanged.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        for path in [*temporary.rglob("*"), temporary]:
            _sync(path)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise write_failure(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(file: Path, text: str) -> None:
    """Replaces a file's text.

    Args:
        file: the target; its folder must exist.
        text: written as UTF-8.

    Raises:
        Failure: if the disk is full or cannot be written. The old text is then unchanged.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        _sync(temporary)
        temporary.replace(file)
    except OSError as error:
        raise write_failure(file, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_failure(path: Path, error: BaseException) -> Failure:
    """Returns the exception to raise for a path that could not be written."""
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
    reason = "the disk is full" if full else str(error)
    return Failure(f"{path} could not be written: {reason}; what was saved before is unchanged")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
