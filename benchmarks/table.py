"""Times the steps of an experiment, each next to a plain implementation of the same step in the same process.

python -m benchmarks.table                          the sizes of SeqGAN's oracle experiment
python -m benchmarks.table --preset captions        those of its image captions
python -m benchmarks.table --json out.json --threads 2
python -m benchmarks.table --only "adversarial step" --no-reference

Absolute times depend on the machine and its load. Two numbers can be compared between machines: the ratio to the plain
implementation, and the distance from the floor. The floor is the time that the step's matrix products alone take at
this machine's rate.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

import torch

from benchmarks.command import add_size, machine, size_of
from benchmarks.memory import peak
from benchmarks.rows import Row, rows
from benchmarks.sizes import MEMORY_TARGET, TARGETS, Size
from benchmarks.steps import without_kernel
from benchmarks.timing import Timing, time_function
from textgan.ops import library
from textgan.training.engine import prepare_process

MEMORY = "peak memory of adversarial steps"


def main() -> int:
    """Prints the table and, with --json, writes the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_size(parser)
    parser.add_argument("--seconds", type=float, default=3.0, help="to spend on each row")
    parser.add_argument("--only", help="rows whose name contains this text")
    parser.add_argument("--no-reference", action="store_true", help="do not time the plain implementations")
    parser.add_argument("--json", help="file to which the numbers are also written")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    prepare_process()
    size, (name, rate) = size_of(given), machine(given)
    targets = TARGETS if size == Size() and given.device == "cpu" else {}
    print(f"{name}; V {size.vocab_size}, T {size.length}, B {size.rows}, N {size.rollouts}\n")
    columns = f"{'no kernel':>11}{'plain':>10}{'ratio':>8}{'floor':>10}{'target':>10}"
    print(f"{'':36}{'median':>10}  {'middle half':>19}{columns}")
    numbers: list[dict[str, object]] = []
    for row in rows(size, torch.device(given.device)):
        if given.only and given.only not in row.name:
            continue
        step = time_function(row.step, given.seconds)
        no_kernel = _without_kernel(row, given.seconds) if row.kernel and given.device == "cpu" else None
        plain = time_function(row.plain, 0.0, 1) if row.plain and not given.no_reference else None
        floor, target = row.work / rate if row.work else None, targets.get(row.name)
        print(_line(row.name, step, no_kernel, plain, floor, target), flush=True)
        timings = {"textgan": step, "without_kernel": no_kernel, "plain": plain}
        each = {column: asdict(value) if value else None for column, value in timings.items()}
        numbers.append({"name": row.name.strip(), **each, "floor": floor, "target": target})
    memory = None
    if not given.only or given.only in MEMORY:
        memory = peak("adversarial", size, given.device, given.threads)
        target_column = f"{MEMORY_TARGET / 1e9:>67.1f} GB" if targets else ""
        print(f"{MEMORY:36}{memory / 1e9:>7.2f} GB{target_column}")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            content = {"machine": name, "rate": rate, "size": asdict(size), "rows": numbers, "peak_memory": memory}
            json.dump(content, file, indent=2)
    return 0


def _without_kernel(row: Row, seconds: float) -> Timing | None:
    """Times the step without compiled kernels. None if there are none."""
    if library.load() is None:
        return None
    with without_kernel():
        return time_function(row.step, seconds, 3)


def _line(
    name: str,
    step: Timing,
    no_kernel: Timing | None,
    plain: Timing | None,
    floor: float | None,
    target: float | None,
) -> str:
    ratio = f"{plain.median / step.median:>7.1f}x" if plain else " " * 8
    middle = f"{in_units(step.low):>8} to {in_units(step.high):>8}"
    others = (no_kernel.median if no_kernel else None, plain.median if plain else None, floor, target)
    cells = [in_units(value) if value else "" for value in others]
    return (
        f"{name:36}{in_units(step.median):>10}  {middle}{cells[0]:>11}{cells[1]:>10}{ratio}{cells[2]:>10}{cells[3]:>10}"
    )


def in_units(value: float) -> str:
    """Formats seconds as seconds or milliseconds."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
