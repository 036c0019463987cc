"""The options that all commands here share, and how they name the machine."""

from __future__ import annotations

import argparse
import platform
from dataclasses import asdict, replace
from pathlib import Path

import torch

from benchmarks.sizes import PRESETS, Size, rate


def add_size(parser: argparse.ArgumentParser) -> None:
    """--preset, one option for each number of a size, --threads and --device."""
    parser.add_argument("--preset", choices=PRESETS, default="seqgan")
    for name in asdict(Size()):
        parser.add_argument(f"--{name}", type=int, help="in the place of the preset's")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")


def size_of(given: argparse.Namespace) -> Size:
    """The preset, with what was given beside it."""
    changed = {name: getattr(given, name) for name in asdict(Size()) if getattr(given, name) is not None}
    return replace(PRESETS[given.preset], **changed)


def machine(given: argparse.Namespace) -> tuple[str, float]:
    """What it is, in words, and its rate in matrix products, in operations a second."""
    device = torch.device(given.device)
    found = rate(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return f"{name}, {given.threads} threads, torch {torch.__version__}, {found / 1e9:.0f} GF/s in float32", found


def _processor() -> str:
    lines = Path("/proc/cpuinfo")
    if lines.exists():
        for line in lines.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.processor() or platform.machine()
