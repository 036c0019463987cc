"""Where one step's time goes: operators, how often each is called, what it allocates; on a GPU, its kernels.

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
from textgan.ops import device
from textgan.ops import embedding_conv, winners_tmp, linear_sample

KERNELS = {
    "kernel: words": (linear_sample.Words, "_run"),
    "kernel: windows": (embedding_conv.Windows, "largest"),
    "kernel: strongest": (winners_tmp.Winners, "find"),
    "kernel: winners, to weights": (winners_tmp.Winners, "to_weights"),
    "kernel: winners, to words": (winners_tmp.Winners, "to_words"),
}
"""Our own kernels, and what calls each."""


@dataclass
class Spent:
    """What one operator took in a step: seconds less those of the operators that it called, calls, bytes allocated."""

    seconds: float = 0.0
    calls: int = 0
    allocated: int = 0


def profiled(step: Step, cuda: bool) -> tuple[dict[str, Spent], int]:
    """One step, after two that warm up: by operator, and the number of launches on the GPU."""
    for _ in range(2):
        step()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    with _named_kernels(), profile(activities=activities, profile_memory=True) as found:
        step()
        if cuda:
            torch.cuda.synchronize()
    spent: dict[str, Spent] = defaultdict(Spent)
    launches = 0
    for event in found.events() or []:
        if event.device_type.name != "CPU":
            launches += 1
            continue
        if not event.name.startswith(("aten::", *KERNELS)) and "Backward" not in event.name:
            continue
        mine = spent[event.name.removeprefix("aten::")]
        mine.seconds += (event.self_device_time_total if cuda else event.self_cpu_time_total) / 1e6
        mine.calls += event.name.startswith(("aten::", *KERNELS))
        mine.allocated += max(0, event.self_device_memory_usage if cuda else event.self_cpu_memory_usage)
    return spent, launches


@contextmanager
def _named_kernels() -> Iterator[None]:
    """The profiler knows PyTorch's operators alone; this shows it ours."""

    def named(name: str, plain: Callable[..., object]) -> Callable[..., object]:
        def run(*given: object, **options: object) -> object:
            with record_function(name):
                return plain(*given, **options)

        return run

    with ExitStack() as stack:
        for name, (owner, method) in KERNELS.items():
            plain = getattr(owner, method)
            setattr(owner, method, named(name, plain))
            stack.callback(setattr, owner, method, plain)
        yield


def main() -> int:
    """Prints a table, the operators that take most first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--top", type=int, default=15, help="rows")
    add_size(parser)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device.prepare()
    size, cuda = size_of(given), torch.device(given.device).type == "cuda"
    print(machine(given)[0], f"V {size.words}, T {size.length}, B {size.rows}, N {size.rollouts}", sep="; ")
    spent, launches = profiled(STEPS[given.step](Steps(size, torch.device(given.device))), cuda)
    total = sum(each.seconds for each in spent.values())
    calls, allocated = sum(each.calls for each in spent.values()), sum(each.allocated for each in spent.values())
    print(f"{calls:,} calls of operators, {allocated / 1e6:,.0f} MB allocated in them, {total * 1e3:,.1f} ms", end="")
    print(f", {launches:,} launches on the GPU\n" if cuda else "\n")
    print(f"{'':36}{'ms':>9}{'share':>8}{'calls':>8}{'MB':>9}")
    for name, each in sorted(spent.items(), key=lambda item: -item[1].seconds)[: given.top]:
        share = each.seconds / total
        print(f"{name:36}{each.seconds * 1e3:>9.1f}{share:>8.1%}{each.calls:>8,}{each.allocated / 1e6:>9,.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
