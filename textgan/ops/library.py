"""Kernels for CPUs, in C: compiled by the machine's own compiler when one is first used, then kept.

Needs gcc and a PyTorch that runs on GNU OpenMP, as it does on Linux; elsewhere `load` gives None. The library has no
OpenMP of its own but uses the one that PyTorch has loaded, so that no two teams of threads fight for the processors.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import subprocess
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch  # noqa: F401  the library needs its OpenMP

COMPILE = ("-O3", "-march=native", "-mprefer-vector-width=512", "-fno-signed-zeros", "-fno-trapping-math", "-fopenmp")
PORTABLE = tuple(flag for flag in COMPILE if not flag.startswith("-mprefer"))
"""What is tried where the compiler knows no preferred width."""
SOURCES = ("linear_sample.c", "embedding_conv.c", "conv_max_pool.c", "conv_max_pool_backward.c")
HEADERS = ("tile.h",)
SIGNATURES = {
    "textgan_linear_sample": "pllpplippppi",
    "textgan_embedding_conv": "plpppppllpllpi",
    "textgan_conv_max_pool": "pppplpppplllli",
    "textgan_conv_max_pool_backward_filters": "ppppppllllli",
    "textgan_conv_max_pool_backward_embedded": "ppppppllllli",
}
"""What the functions take, in their order: p is an address, l an int64, i an int32. None gives anything back."""
SWITCH = "TEXTGAN_NATIVE"
"""Environment: 0 leaves everything to PyTorch."""


@cache
def load() -> ctypes.CDLL | None:
    """The library of all kernels, compiled if need be. None where that cannot be done, or is switched off."""
    if os.environ.get(SWITCH) == "0" or os.name != "posix":
        return None
    sources = {name: files("textgan.ops").joinpath("csrc", name).read_bytes() for name in (*SOURCES, *HEADERS)}
    for flags in (COMPILE, PORTABLE):
        try:
            return _typed(ctypes.CDLL(str(_compiled(sources, flags))))
        except (OSError, subprocess.SubprocessError, RuntimeError):  # the last where a user has no home
            continue
    return None


def _typed(kernels: ctypes.CDLL) -> ctypes.CDLL:
    """With the types of `SIGNATURES`: unsaid, every number would be an int32."""
    types: dict[str, Any] = {"p": ctypes.c_void_p, "l": ctypes.c_int64, "i": ctypes.c_int32}
    for name, letters in SIGNATURES.items():
        function = getattr(kernels, name)  # kept by the library, where kernels[name] would be a new one each time
        function.argtypes, function.restype = [types[letter] for letter in letters], None
    return kernels


def _compiled(sources: dict[str, bytes], flags: tuple[str, ...]) -> Path:
    """The library's file, made if it is not there, or damaged.

    Raises OSError or SubprocessError if it cannot be made, and RuntimeError if there is no place for it.
    """
    compiler = os.environ.get("CC", "gcc")
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, timeout=20).stdout
    parts = (*sources.values(), version, " ".join(flags).encode(), _processor())
    target = _folder() / f"kernels-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}.so"
    if not _is_whole(target):
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            place = Path(folder)
            for name, source in sources.items():
                (place / name).write_bytes(source)
            linked = place / "kernels.so"
            objects = [str(Path(name).with_suffix(".o")) for name in SOURCES]
            quietly = {"check": True, "capture_output": True, "timeout": 120, "cwd": folder}
            subprocess.run([compiler, *flags, "-fPIC", "-c", *SOURCES], **quietly)  # type: ignore[call-overload]
            # Linked without -fopenmp: the symbols are PyTorch's.
            subprocess.run([compiler, "-shared", *objects, "-o", linked.name], **quietly)  # type: ignore[call-overload]
            with linked.open("r+b") as library:
                check = hashlib.sha256(library.read()).digest()
                library.write(check)
            linked.replace(target)
    return target


def _is_whole(library: Path) -> bool:
    """Whether it is there and ends with its own checksum: one that a full disk cut short would end the process."""
    if not library.is_file():
        return False
    content = library.read_bytes()
    return hashlib.sha256(content[:-32]).digest() == content[-32:]


def _folder() -> Path:
    """Where libraries are kept: a folder that nobody but this user can write to. Raises OSError if it is not so,
    RuntimeError if this user has no home.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "textgan"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"{folder} belongs to somebody else, or others may write to it")
    return folder


def _processor() -> bytes:
    """What -march=native depends on: a home folder may be shared by unlike machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor().encode()
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(("model name", "flags")))).encode()
