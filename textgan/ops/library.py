"""Compiles and loads the C kernels for CPUs. The machine's own compiler builds them once; the library is then cached.

Needs gcc and a PyTorch that runs on GNU OpenMP, as on Linux; elsewhere `load` returns None. The library does not link
OpenMP: it uses the one that PyTorch has loaded, so that two thread pools do not compete for the processors.
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
"""The flags for a compiler that does not support a preferred vector width."""
SOURCES = ("linear_sample.c", "embedding_conv.c", "conv_max_pool.c", "conv_max_pool_backward.c")
HEADERS = ("tile.h",)
SIGNATURES = {
    "textgan_linear_sample": "pllpplippppi",
    "textgan_embedding_conv": "plpppppllpllpi",
    "textgan_conv_max_pool": "pppplpppplllli",
    "textgan_conv_max_pool_backward_filters": "ppppppllllli",
    "textgan_conv_max_pool_backward_embedded": "ppppppllllli",
}
"""Each function's argument types, in order: p is an address, l an int64, i an int32. All of them return void."""
SWITCH = "TEXTGAN_NATIVE"
"""Environment variable: 0 turns all kernels off, so that plain PyTorch is used."""


@cache
def load() -> ctypes.CDLL | None:
    """Returns the library of all kernels, compiled if necessary. None if that fails or kernels are turned off."""
    if os.environ.get(SWITCH) == "0" or os.name != "posix":
        return None
    sources = {name: files("textgan.ops").joinpath("csrc", name).read_bytes() for name in (*SOURCES, *HEADERS)}
    for flags in (COMPILE, PORTABLE):
        try:
            return _typed(ctypes.CDLL(str(_compiled(sources, flags))))
        except (OSError, subprocess.SubprocessError, RuntimeError):  # RuntimeError: the user has no home folder
            continue
    return None


def _typed(kernels: ctypes.CDLL) -> ctypes.CDLL:
    """Declares the argument types of `SIGNATURES`; ctypes would pass undeclared integers as int32."""
    types: dict[str, Any] = {"p": ctypes.c_void_p, "l": ctypes.c_int64, "i": ctypes.c_int32}
    for name, letters in SIGNATURES.items():
        function = getattr(kernels, name)  # cached by the library; kernels[name] would return a new object each time
        function.argtypes, function.restype = [types[letter] for letter in letters], None
    return kernels


def _compiled(sources: dict[str, bytes], flags: tuple[str, ...]) -> Path:
    """Returns the library's file, and builds it if it is missing or damaged.

    Raises:
        OSError: if a file cannot be written, or the cache folder is not safe.
        SubprocessError: if the compiler fails.
        RuntimeError: if the user has no home folder.
    """
    compiler = os.environ.get("CC", "gcc")
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, timeout=20).stdout
    parts = (*sources.values(), version, " ".join(flags).encode(), _processor())
    target = _folder() / f"kernels-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}.so"
    if not _is_whole(target):
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            build = Path(folder)
            for name, source in sources.items():
                (build / name).write_bytes(source)
            linked = build / "kernels.so"
            objects = [str(Path(name).with_suffix(".o")) for name in SOURCES]
            options = {"check": True, "capture_output": True, "timeout": 120, "cwd": folder}
            subprocess.run([compiler, *flags, "-fPIC", "-c", *SOURCES], **options)  # type: ignore[call-overload]
            # Linked without -fopenmp: PyTorch provides the symbols.
            subprocess.run([compiler, "-shared", *objects, "-o", linked.name], **options)  # type: ignore[call-overload]
            with linked.open("r+b") as library:
                check = hashlib.sha256(library.read()).digest()
                library.write(check)
            linked.replace(target)
    return target


def _is_whole(library: Path) -> bool:
    """Returns whether the file exists and ends with its checksum. Loading a truncated one would crash the process."""
    if not library.is_file():
        return False
    content = library.read_bytes()
    return hashlib.sha256(content[:-32]).digest() == content[-32:]


def _folder() -> Path:
    """Returns the cache folder, which only this user can write to.

    Raises:
        OSError: if other users can write to it, or it cannot be created.
        RuntimeError: if the user has no home folder.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "textgan"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(
            f"{folder}: other users may write to it; expected a folder of this user with mode 700 or 755"
        )
    return folder


def _processor() -> bytes:
    """Identifies the processor, on which -march=native depends: different machines may share a home folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor().encode()
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(("model name", "flags")))).encode()
