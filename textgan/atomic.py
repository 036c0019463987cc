"""Files and folders that appear whole or not at all: written beside their place, synced, renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from textgan.errors import Failure


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder that takes the place of `folder` if all went well. Failure if the disk refuses."""
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
        raise refusal(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(file: Path, text: str) -> None:
    """Replaces a file's text. Failure if the disk refuses; the old text then still stands."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        _sync(temporary)
        temporary.replace(file)
    except OSError as error:
        raise refusal(file, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def refusal(path: Path, error: BaseException) -> Failure:
    """The sentence for a disk that did not take something."""
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
    reason = "the disk is full" if full else str(error)
    return Failure(f"{path} could not be written: {reason}; what was saved before is untouched")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
