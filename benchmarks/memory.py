"""Measures the peak memory of a process that takes a few steps.

On a CPU this is the memory of the whole process, PyTorch included; on a GPU, what PyTorch allocated there.

python -m benchmarks.memory adversarial --rollouts 16
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path

import torch

from benchmarks.command import add_size, size_of
from benchmarks.sizes import Size
from benchmarks.steps import STEPS, Steps
from textgan.training.engine import prepare_process


def peak(step: str, size: Size, device: str, threads: int) -> int:
    """Returns the peak memory of a step in bytes, measured in a process of its own."""
    options = [f"--{name}={value}" for name, value in vars(size).items()]
    command = [sys.executable, "-m", "benchmarks.memory", step, *options, f"--device={device}", f"--threads={threads}"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    """Takes three steps and prints the peak memory in bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=STEPS, help="what to measure")
    add_size(parser)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    prepare_process()
    step = STEPS[given.step](Steps(size_of(given), torch.device(given.device)))
    for _ in range(3):
        step()
    on_gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    print(on_gpu or _peak_resident())
    return 0


def _peak_resident() -> int:
    """Returns the peak resident bytes. On Linux, getrusage would also count the program that started this one."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    sys.exit(main())
