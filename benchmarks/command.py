"""Options that all benchmarks share, and the description of the machine."""

from __future__ import annotations

import argparse
import platform
from dataclasses import asdict, replace
from pathlib import Path

import torch

from benchmarks.sizes import PRESETS, Size, rate


def add_size(parser: argparse.ArgumentParser) -> None:
    """Adds --preset, an option for each number of a size, --threads and --device."""
    parser.add_argument("--preset", choices=PRESETS, default="seqgan", help="sizes of the step")
    for name in asdict(Size()):
        parser.add_argument(f"--{name}", type=int, help="replaces the number of the preset")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    parser.add_argument("--device", default="cpu", help="a PyTorch device, such as cuda")


def size_of(given: argparse.Namespace) -> Size:
    """Returns the preset with the numbers that the options replace."""
    changed = {name: getattr(given, name) for name in asdict(Size()) if getattr(given, name) is not None}
    return replace(PRESETS[given.preset], **changed)


def machine(given: argparse.Namespace) -> tuple[str, float]:
    """Returns a description of the machine, and its rate in matrix products in operations a second."""
    device = torch.device(given.device)
    operations = rate(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor_name()
    return (
        f"{name}, {given.threads} threads, torch {torch.__version__}, {operations / 1e9:.0f} GF/s in float32",
        operations,
    )


def _processor_name() -> str:
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()
