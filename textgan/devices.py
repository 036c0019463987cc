"""What a device is good at. Code asks for a property; nothing else in the toolkit looks at a device's type."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from textgan.kernels import proven, windows, winners, words


@dataclass(frozen=True)
class Device:
    """Properties that decide between equal ways of computing one thing.

    Args:
        torch: the device.
        logits: floats of logits held at once: on a CPU as much as its cache holds, on a GPU what keeps it busy.
        waits: whether it costs a synchronisation to look at a value, so that shapes should not depend on values.
        gathers: whether summing table rows beats a matrix product (no tensor cores).
        words: finds a kernel that draws words from a linear layer (weight, bias) without writing logits, or None.
        windows: finds a kernel that runs filters over sentences (ids, valid, V) by look-ups, or None.
        winners: finds a kernel for filters' strongest answers and their gradients, or None.
    """

    torch: torch.device
    logits: int
    waits: bool
    gathers: bool
    words: Callable[[], Callable[[Tensor, Tensor], words.WordKernel] | None] = lambda: None
    windows: Callable[[], Callable[[Tensor, Tensor, int], windows.Windows] | None] = lambda: None
    winners: Callable[[], winners.Winners | None] = lambda: None


def describe(device: torch.device) -> Device:
    """The properties of a device."""
    if device.type == "cpu":
        made = Device(device, logits=1_280_000, waits=False, gathers=True)
        return replace(made, words=words.load, windows=windows.load, winners=winners.load)
    made = Device(device, logits=256_000_000, waits=True, gathers=False)
    return replace(made, words=lambda: proven.load(device, made.logits)) if device.type == "cuda" else made


def choose(name: str) -> torch.device:
    """`auto` is the first CUDA device, else Apple's, else the CPU. Raises RuntimeError for one that is not there."""
    if name != "auto":
        device = torch.device(name)
        torch.empty(1, device=device)
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")


def prepare() -> None:
    """Settings of this process that all of the toolkit gains by. What reckons calls it before it begins."""
    _keep_memory()
    _flush_subnormals()


def _flush_subnormals() -> None:
    """Takes numbers below 1e-38 for zero, where a CPU can.

    Adam's moments shrink at every step where a gradient stays away, as behind a ReLU that no longer fires, and in time
    become so small that processors reckon with them many times as slowly. It holds for this thread and for those that
    it starts from now on, so it has to come before the first large sum.
    """
    torch.set_flush_denormal(True)


@cache
def _keep_memory() -> None:
    """Asks glibc to keep freed memory instead of returning it to the system. Elsewhere it does nothing.

    By default every tensor of more than 128 KB is mapped anew, and each of its pages costs a fault: two thirds of the
    time of a sampling step, and up to three quarters of a likelihood step's.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, mmap_threshold, largest = -1, -3, 1 << 30
    mallopt(mmap_threshold, largest)
    mallopt(trim_threshold, largest)
