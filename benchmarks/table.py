"""Times the steps that an experiment is made of, each beside a plain implementation of the same in the same process.

python -m benchmarks.table                          SeqGAN's own setting, as a table
python -m benchmarks.table --preset captions        that of its image captions
python -m benchmarks.table --json out.json --threads 2
python -m benchmarks.table --only "adversarial step" --no-reference

Absolute times are those of this machine at this hour. The ratio to the reference holds from one machine to another;
so does the distance from the floor, the time that the step's matrix products alone take at this machine's rate.
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
from benchmarks.sizes import AIMS, PEAK, Size
from benchmarks.steps import without_kernel
from benchmarks.timing import Timed, timed
from textgan.ops import device
from textgan.ops import library

MEMORY = "peak memory of adversarial steps"


def main() -> int:
    """Prints the table; writes JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_size(parser)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each row")
    parser.add_argument("--only", help="rows whose name holds this")
    parser.add_argument("--no-reference", action="store_true")
    parser.add_argument("--json", help="also write it there")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device.prepare()
    size, (name, rate) = size_of(given), machine(given)
    aims = AIMS if size == Size() and given.device == "cpu" else {}
    print(f"{name}; V {size.words}, T {size.length}, B {size.rows}, N {size.rollouts}\n")
    print(
        f"{'':36}{'median':>10}  {'middle half':>19}{'no kernel':>11}{'plain':>10}{'ratio':>8}{'floor':>10}{'aim':>10}"
    )
    found: list[dict[str, object]] = []
    for row in rows(size, torch.device(given.device)):
        if given.only and given.only not in row.name:
            continue
        ours = timed(row.ours, given.seconds)
        bare = _without_kernel(row, given.seconds) if row.kernel and given.device == "cpu" else None
        plain = timed(row.plain, 0.0, 1) if row.plain and not given.no_reference else None
        floor, aim = row.work / rate if row.work else None, aims.get(row.name)
        print(_line(row.name, ours, bare, plain, floor, aim), flush=True)
        columns = {"ours": ours, "without_kernel": bare, "plain": plain}
        each = {column: asdict(value) if value else None for column, value in columns.items()}
        found.append({"name": row.name.strip(), **each, "floor": floor, "aim": aim})
    memory = None
    if not given.only or given.only in MEMORY:
        memory = peak("adversarial", size, given.device, given.threads)
        beside = f"{PEAK / 1e9:>67.1f} GB" if aims else ""
        print(f"{MEMORY:36}{memory / 1e9:>7.2f} GB{beside}")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            content = {"machine": name, "rate": rate, "size": asdict(size), "rows": found, "peak_memory": memory}
            json.dump(content, file, indent=2)
    return 0


def _without_kernel(row: Row, seconds: float) -> Timed | None:
    """The same in plain PyTorch; None where there is no kernel anyway."""
    if library.load() is None:
        return None
    with without_kernel():
        return timed(row.ours, seconds, 3)


def _line(
    name: str, ours: Timed, bare: Timed | None, plain: Timed | None, floor: float | None, aim: float | None
) -> str:
    ratio = f"{plain.median / ours.median:>7.1f}x" if plain else " " * 8
    middle = f"{seconds(ours.low):>8} to {seconds(ours.high):>8}"
    medians = (bare.median if bare else None, plain.median if plain else None)
    without, reference, least, aimed = (seconds(value) if value else "" for value in (*medians, floor, aim))
    return f"{name:36}{seconds(ours.median):>10}  {middle}{without:>11}{reference:>10}{ratio}{least:>10}{aimed:>10}"


def seconds(value: float) -> str:
    """In a unit that one can read."""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
