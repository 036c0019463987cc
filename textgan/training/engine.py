"""Selects the device, and checks and prepares the process that computes."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

import torch

from textgan.core.errors import UserError


def select_device(name: str) -> torch.device:
    """Returns the device of that name; `auto` is the first CUDA device, else Apple's, else the CPU.

    Args:
        name: "auto", or a name that `torch.device` understands.

    Raises:
        UserError: if the device is not available.
    """
    try:
        if name != "auto":
            device = torch.device(name)
            torch.empty(1, device=device)
            return device
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"device={name}: not available here ({reason}); expected auto, cpu, cuda, cuda:N or mps; use device=auto"
        ) from error


def require_single_process() -> None:
    """Raises UserError if a launcher such as torchrun started this process as one of several.

    Each of them would run the whole recipe, and all would write to the same folder.
    """
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes != "1":
        raise UserError(
            f"WORLD_SIZE={processes}: a run uses one process and one device; expected WORLD_SIZE=1 or unset; "
            "start textgan without torchrun, and one run for each device"
        )


def prepare_process() -> None:
    """Applies process-wide settings that make training fast. Call it before the first large computation."""
    _keep_memory()
    _flush_subnormals()


def _flush_subnormals() -> None:
    """Flushes subnormal floats (below 1e-38) to zero on CPUs that support it.

    Adam's moments shrink at every step without a gradient, such as those of a ReLU that is no longer active. Once they
    are subnormal, processors compute with them many times more slowly. The setting holds for this thread and for the
    threads that it starts later, so it must precede the first parallel operation.
    """
    torch.set_flush_denormal(True)


@cache
def _keep_memory() -> None:
    """Asks glibc to keep freed memory instead of returning it to the system. Does nothing elsewhere.

    By default glibc maps new memory for every tensor of more than 128 KB, and each of its pages costs a page fault.
    That is two thirds of the time of a sampling step, and up to three quarters of the time of a likelihood step.
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
