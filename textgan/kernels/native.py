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


class Sampler:
    """Draws from softmax(features weight^T + bias).

    Args:
        library: what `load` compiled.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._draw, self._panel = library.textgan_draw, int(library.textgan_panel())
        at, small, large = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
        self._draw.argtypes = [at, large, large, at, at, large, at, small, at, at, small]
        self._draw.restype = None

    def pack(self, weight: Tensor) -> Tensor:
        """[V,H] as the kernel reads it, [blocks,H,BLOCK]; zeros behind the last word."""
        blocks = -(-len(weight) // BLOCK)
        packed = weight.new_zeros(blocks * BLOCK, weight.shape[1])
        packed[: len(weight)] = weight
        return packed.view(blocks, BLOCK, -1).transpose(1, 2).contiguous()

    def draw(self, features: Tensor, packed: Tensor, bias: Tensor, chance: Tensor, shifted: bool) -> Tensor:
        """Words [R].

        Args:
            features: [R,H] float32.
            packed: of `pack`.
            bias: [V] float32.
            chance: [R] float32, uniform in [0, 1).
            shifted: whether each row's largest logit is found and taken off first. Needed where one may be larger than
                60 in size; costs as much as the rest.
        """
        blocks, threads = len(packed), torch.get_num_threads()
        rows, hidden = features.shape
        filled = bias.new_full((blocks * BLOCK,), -torch.inf)
        filled[: len(bias)] = bias
        features, chance = features.contiguous(), chance.contiguous()
        words = torch.empty(rows, dtype=torch.long)
        scratch = torch.empty(threads * self._panel * blocks)
        tensors = (features, packed, filled, chance, words, scratch)
        here, weight, offset, uniform, out, sums = (tensor.data_ptr() for tensor in tensors)
        self._draw(here, rows, hidden, weight, offset, blocks, uniform, shifted, out, sums, threads)
        return words


@cache
def load() -> Sampler | None:
    """The kernel, compiled if it was not yet; None where that cannot be done or is switched off."""
    if os.environ.get(SWITCH) == "0":
        return None
    source = files("textgan.kernels").joinpath("sampler.c").read_bytes()
    for flags in (COMPILE, PORTABLE):
        try:
            return Sampler(ctypes.CDLL(str(_compiled(source, flags))))
        except (OSError, subprocess.SubprocessError):
            continue
    return None


def _compiled(source: bytes, flags: tuple[str, ...]) -> Path:
    """The library's file, made if it is not there. Raises OSError or SubprocessError if it cannot be made."""
    compiler = os.environ.get("CC", "gcc")
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, timeout=20).stdout
    parts = (source, version, " ".join(flags).encode(), _processor())
    target = _folder() / f"sampler-{hashlib.sha256(b'|'.join(parts)).hexdigest()[:16]}.so"
    if not target.is_file():
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            code, made, linked = (Path(folder) / name for name in ("sampler.c", "sampler.o", "sampler.so"))
            code.write_bytes(source)
            quietly = {"check": True, "capture_output": True, "timeout": 120}
            subprocess.run([compiler, *flags, "-fPIC", "-c", str(code), "-o", str(made)], **quietly)  # type: ignore[call-overload]
            # Linked without -fopenmp: the symbols are PyTorch's.
            subprocess.run([compiler, "-shared", str(made), "-o", str(linked)], **quietly)  # type: ignore[call-overload]
            linked.replace(target)
    return target


def _folder() -> Path:
    """Where libraries are kept: a folder that nobody but this user can write to. Raises OSError if it is not so."""
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
