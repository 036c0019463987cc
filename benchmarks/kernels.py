"""Times the steps with each compiled operation replaced by plain PyTorch in turn: what is each kernel worth?

python -m benchmarks.kernels                        the sizes of SeqGAN's oracle experiment (paper/seqgan, fast/seqgan)
python -m benchmarks.kernels --vocab_size 531 --length 17 --rows 512 --rollouts 4 --threads 1

Prints, for each step, its time with all kernels, and the ratio of the time without one of them to it. The forms take
turns, so that a change of the machine's load affects all of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from unittest.mock import patch

import torch

from benchmarks.command import add_size, machine, size_of
from benchmarks.steps import STEPS, Steps
from benchmarks.table import in_units
from textgan.ops import conv_max_pool, embedding_conv, linear_kernel
from textgan.training.engine import prepare_process

OPERATIONS: Mapping[str, ModuleType] = {
    "linear_sample": linear_kernel,
    "embedding_conv": embedding_conv,
    "conv_max_pool": conv_max_pool,
}
"""Operation -> the module that loads its kernel."""
DEFAULT = ("adversarial", "discriminator", "likelihood", "sampling")


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_size(parser)
    parser.add_argument("steps", nargs="*", default=DEFAULT, help=f"of {', '.join(STEPS)}")
    parser.add_argument("--repetitions", type=int, default=15, help="of each step and form")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    prepare_process()
    size = size_of(given)
    print(f"{machine(given)[0]}; V {size.vocab_size}, T {size.length}, B {size.rows}, N {size.rollouts}\n")
    print(f"{'time without / with':20}{'with all':>12}" + "".join(f"{'no ' + name:>20}" for name in OPERATIONS))
    steps = Steps(size, torch.device(given.device))
    for name in given.steps:
        medians = time_forms(STEPS[name](steps), given.repetitions)
        ratios = (medians[operation] / medians[""] for operation in OPERATIONS)
        print(f"{name:20}{in_units(medians['']):>12}" + "".join(f"{ratio:>19.2f}x" for ratio in ratios), flush=True)
    return 0


def time_forms(step: Callable[[], object], repetitions: int) -> Mapping[str, float]:
    """Returns median seconds of the step: "" with all kernels, and by operation without its kernel."""
    times: dict[str, list[float]] = {name: [] for name in ("", *OPERATIONS)}
    for repetition in range(repetitions + 1):  # the first is warm-up
        for name, seconds in times.items():
            with without(name):
                start = time.perf_counter()
                step()
                seconds += [time.perf_counter() - start] if repetition else []
    return {name: statistics.median(seconds) for name, seconds in times.items()}


@contextmanager
def without(operation: str) -> Iterator[None]:
    """Computes one operation in plain PyTorch; none if it is empty."""
    if not operation:
        yield
        return
    with patch.object(OPERATIONS[operation], "library", SimpleNamespace(load=lambda: None)):
        yield


if __name__ == "__main__":
    sys.exit(main())
