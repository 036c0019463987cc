"""How the adversarial step grows with each of its sizes, the others at rest: a table and a picture.

python -m benchmarks.scaling curves.svg
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmarks.command import add_size, machine, size_of
from benchmarks.sizes import Size
from benchmarks.steps import Steps
from benchmarks.table import seconds
from benchmarks.timing import Timed, timed
from textgan.ops import device


@dataclass(frozen=True)
class Axis:
    """One size, the values that are tried, and how the step should grow with it."""

    field: str
    label: str
    values: tuple[int, ...]
    law: str


AXES = (
    Axis(
        "rollouts",
        "roll-outs N",
        (1, 2, 4, 8, 16, 32),
        "Linear: each roll-out is one more completion of every prefix; what remains at N = 0 is the sample, its update "
        "and the filters' tables.",
    ),
    Axis(
        "length",
        "length T",
        (5, 10, 20, 30, 40),
        "Between linear and quadratic: T - 1 prefixes are completed by T / 2 words on average and read over T windows, "
        "but the highway layer looks at each completed sentence once.",
    ),
    Axis(
        "words",
        "vocabulary V",
        (1000, 2500, 5000, 10_000, 20_000),
        "Linear in a part of it: each word is drawn by a product with all V, and the filters' "
        "tables have V rows; looking up in them costs the same as long as the cache holds them.",
    ),
    Axis(
        "rows",
        "batch B",
        (8, 16, 32, 64, 128),
        "Linear: twice the sentences, twice the work, but for the filters' tables, which are made once a step.",
    ),
)


def measure(base: Size, device: torch.device, each: float) -> dict[str, list[Timed]]:
    """The step's time at each value of each axis."""
    found: dict[str, list[Timed]] = {}
    for axis in AXES:
        found[axis.field] = []
        for value in axis.values:
            step = Steps(replace(base, **{axis.field: value}), device).adversarial()
            found[axis.field].append(timed(step, each, 3))
    return found


def power(values: Sequence[int], times: Sequence[Timed]) -> float:
    """p of time ~ value^p, between the last two values."""
    return math.log(times[-1].median / times[-2].median) / math.log(values[-1] / values[-2])


def draw(found: dict[str, list[Timed]], base: Size, path: Path) -> None:
    """Writes the picture, four panels on logarithmic axes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "textgan", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 2.8), layout="constrained")
        for axis, panel in zip(AXES, figure.subplots(1, len(AXES), sharey=True), strict=True):
            times = found[axis.field]
            panel.plot(axis.values, [t.median for t in times], "o-", color="C0")
            panel.fill_between(axis.values, [t.low for t in times], [t.high for t in times], alpha=0.25)
            panel.axvline(getattr(base, axis.field), color="0.8", linewidth=1, zorder=0)
            panel.set(xscale="log", yscale="log", xlabel=axis.label)
            panel.set_xticks(axis.values, [f"{v:,}" for v in axis.values], rotation=45)
            panel.minorticks_off()
        most = max(t.high for times in found.values() for t in times)
        least = min(t.low for times in found.values() for t in times)
        ticks = [2.0**power for power in range(math.floor(math.log2(least)), math.ceil(math.log2(most)) + 1)]
        figure.axes[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        figure.axes[0].set_ylabel("adversarial step, seconds")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> int:
    """Prints a table for each size and writes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="where it is written: .svg, .png or .pdf")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each value")
    add_size(parser)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device.prepare()
    base = size_of(given)
    print(machine(given)[0], f"around V {base.words}, T {base.length}, B {base.rows}, N {base.rollouts}", sep="; ")
    found = measure(base, torch.device(given.device), given.seconds)
    for axis in AXES:
        times = found[axis.field]
        print(f"\n{axis.label}: power {power(axis.values, times):.2f} at the end. {axis.law}")
        for value, time in zip(axis.values, times, strict=True):
            print(f"{value:>10,}{seconds(time.median):>12}  {seconds(time.low):>8} to {seconds(time.high):>8}")
    draw(found, base, given.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
