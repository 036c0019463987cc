"""Profiles one step: time, calls and allocated memory of each operator; on a GPU, the number of kernel launches.

python -m benchmarks.profile adversarial
python -m benchmarks.profile likelihood --preset captions --top 10
TEXTGAN_NATIVE=0 python -m benchmarks.profile rollouts
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks.command import add_size, machine, size_of
from benchmarks.steps import STEPS, Step, Steps
from textgan.ops import conv_max_pool, embedding_conv, linear_sample
from textgan.training.engine import prepare_process

KERNELS = {
    "kernel: linear sample": (linear_sample.CompiledLinear, "_run"),
    "kernel: embedding conv": (embedding_conv.SortedSequences, "conv_max"),
    "kernel: conv max pool": (conv_max_pool.CompiledConvMaxPool, "forward"),
    "kernel: conv max pool, to filters": (conv_max_pool.CompiledConvMaxPool, "backward_filters"),
    "kernel: conv max pool, to inputs": (conv_max_pool.CompiledConvMaxPool, "backward_embedded"),
}
"""The project's compiled kernels, and the method that calls each."""


@dataclass
class Usage:
    """What one operator took in a step.

    Args:
        seconds: its own time, without that of the operators that it called.
        calls: how often it was called.
        allocated: bytes that it allocated.
    """

    seconds: float = 0.0
    calls: int = 0
    allocated: int = 0


def profile_step(step: Step, cuda: bool) -> tuple[dict[str, Usage], int]:
    """Profiles one step after two warm-up steps. Returns the usage by operator, and the launches on the GPU."""
    for _ in range(2):
        step()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with _named_kernels(), profile(activities=activities, profile_memory=True) as profiler:
        step()
        if cuda:
            torch.cuda.synchronize()
    usage: dict[str, Usage] = defaultdict(Usage)
    launches = 0
    for event in profiler.events() or []:
        if event.device_type.name != "CPU":
            launches += 1
            continue
        if not event.name.startswith(("aten::", *KERNELS)) and "Backward" not in event.name:
            continue
        operator = usage[event.name.removeprefix("aten::")]
        operator.seconds += (event.self_device_time_total if cuda else event.self_cpu_time_total) / 1e6
        operator.calls += event.name.startswith(("aten::", *KERNELS))
        operator.allocated += max(0, event.self_device_memory_usage if cuda else event.self_cpu_memory_usage)
    return usage, launches


@contextmanager
def _named_kernels() -> Iterator[None]:
    """Makes the profiler record the compiled kernels, which are not PyTorch operators."""

    def recorded(name: str, method: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **kwargs: object) -> object:
            with record_function(name):
                return method(*args, **kwargs)

        return run

    with ExitStack() as stack:
        for name, (owner, method) in KERNELS.items():
            original = getattr(owner, method)
            setattr(owner, method, recorded(name, original))
            stack.callback(setattr, owner, method, original)
        yield


def main() -> int:
    """Prints a table of the operators, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=STEPS, help="what to profile")
    parser.add_argument("--top", type=int, default=15, help="number of rows")
    add_size(parser)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    prepare_process()
    size, cuda = size_of(given), torch.device(given.device).type == "cuda"
    print(machine(given)[0], f"V {size.vocab_size}, T {size.length}, B {size.rows}, N {size.rollouts}", sep="; ")
    usage, launches = profile_step(STEPS[given.step](Steps(size, torch.device(given.device))), cuda)
    total = sum(each.seconds for each in usage.values())
    calls, allocated = sum(each.calls for each in usage.values()), sum(each.allocated for each in usage.values())
    print(f"{calls:,} calls of operators, {allocated / 1e6:,.0f} MB allocated in them, {total * 1e3:,.1f} ms", end="")
    print(f", {launches:,} launches on the GPU\n" if cuda else "\n")
    print(f"{'':36}{'ms':>9}{'share':>8}{'calls':>8}{'MB':>9}")
    for name, each in sorted(usage.items(), key=lambda item: -item[1].seconds)[: given.top]:
        share = each.seconds / total
        print(f"{name:36}{each.seconds * 1e3:>9.1f}{share:>8.1%}{each.calls:>8,}{each.allocated / 1e6:>9,.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
