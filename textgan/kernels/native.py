"""The sampling kernel for CPUs, in C: compiled by the machine's own compiler when it is first used, then kept.

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
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from torch import Tensor

COMPILE = ("-O3", "-march=native", "-mprefer-vector-width=512", "-fno-signed-zeros", "-fno-trapping-math", "-fopenmp")
PORTABLE = tuple(flag for flag in COMPILE if not flag.startswith("-mprefer"))
"""What is tried where the compiler knows no preferred width."""
BLOCK = 64
"""Words of a block; the kernel's own constant."""
SWITCH = "TEXTGAN_NATIVE"
"""Environment: 0 leaves everything to PyTorch."""


class Words:
    """Words from softmax(features weight^T + bias), and its normaliser, of one weight.

    Args:
        library: what `load` compiled.
        weight: [V,H] float32.
        bias: [V] float32.
    """

    def __init__(self, library: ctypes.CDLL, weight: Tensor, bias: Tensor) -> None:
        self._library = library
        size, hidden = weight.shape
        self.blocks = -(-size // BLOCK)
        packed, self._bias = (
            weight.new_zeros(self.blocks * BLOCK, hidden),
            bias.new_full((self.blocks * BLOCK,), -torch.inf),
        )
        packed[:size], self._bias[:size] = weight, bias
        self._weight = packed.view(self.blocks, BLOCK, hidden).transpose(1, 2).contiguous()  # as the kernel reads it

    def draw(self, features: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        """Words [R].

        Args:
            features: [R,H] float32.
            chance: [R] float32, uniform in [0, 1).
            shifted: whether each row's largest logit is found and taken off first. Needed where one may be larger than
                60 in size; costs as much as the rest.
        """
        words = torch.empty(len(features), dtype=torch.long)
        self._run(features, shifted, chance.contiguous(), words, None)
        return words

    def normaliser(self, features: Tensor, shifted: bool) -> Tensor:
        """log sum_v exp(logit_v), [R]."""
        found = features.new_empty(len(features))
        self._run(features, shifted, None, None, found)
        return found

    def _run(self, features: Tensor, shifted: bool, *wanted: Tensor | None) -> None:
        threads, features = torch.get_num_threads(), features.contiguous()
        scratch = features.new_empty(threads * self._library.textgan_panel() * self.blocks)
        tensors = (self._weight, self._bias, *wanted, scratch)
        weight, bias, *results, sums = (None if tensor is None else tensor.data_ptr() for tensor in tensors)
        rows, hidden = features.shape
        self._library.textgan_words(
            features.data_ptr(), rows, hidden, weight, bias, self.blocks, shifted, *results, sums, threads
        )


@cache
def load() -> Callable[[Tensor, Tensor], Words] | None:
    """Makes `Words` of a weight and a bias; compiles if need be. None where that cannot be done, or is switched off."""
    if os.environ.get(SWITCH) == "0" or os.name != "posix":
        return None
    source = files("textgan.kernels").joinpath("sampler.c").read_bytes()
    for flags in (COMPILE, PORTABLE):
        try:
            library = ctypes.CDLL(str(_compiled(source, flags)))
        except (OSError, subprocess.SubprocessError, RuntimeError):  # the last where a user has no home
            continue
        at, small, large = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
        library.textgan_words.argtypes = [at, large, large, at, at, large, small, at, at, at, at, small]
        library.textgan_words.restype = None
        return lambda weight, bias: Words(library, weight, bias)
    return None


def _compiled(source: bytes, flags: tuple[str, ...]) -> Path:
    """The library's file, made if it is not there, or damaged.

    Raises OSError or SubprocessError if it cannot be made, and RuntimeError if there is no place for it.
    """
    compiler = os.environ.get("CC", "gcc")
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, timeout=20).stdout
    parts = (source, version, " ".join(flags).encode(), _processor())
    target = _folder() / f"sampler-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}.so"
    if not _is_whole(target):
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            code, made, linked = (Path(folder) / name for name in ("sampler.c", "sampler.o", "sampler.so"))
            code.write_bytes(source)
            quietly = {"check": True, "capture_output": True, "timeout": 120}
            subprocess.run([compiler, *flags, "-fPIC", "-c", str(code), "-o", str(made)], **quietly)  # type: ignore[call-overload]
            # Linked without -fopenmp: the symbols are PyTorch's.
            subprocess.run([compiler, "-shared", str(made), "-o", str(linked)], **quietly)  # type: ignore[call-overload]
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
