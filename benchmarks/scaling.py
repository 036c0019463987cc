"""Measures how the time of the adversarial step grows with each size, the others fixed: a table and a plot.

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
from benchmarks.table import in_units
from benchmarks.timing import Timing, time_function
from textgan.training.engine import prepare_process


@dataclass(frozen=True)
class Axis:
    """One size, the values to measure, and how the time should grow with it."""

    field: str
    label: str
    values: tuple[int, ...]
    growth: str


AXES = (
    Axis(
        "rollouts",
        "roll-outs N",
        (1, 2, 4, 8, 16, 32),
        "Linear: each roll-out completes every prefix once more. The sample, its update and the filters' "
        "tables do not depend on N.",
    ),
    Axis(
        "length",
        "length T",
        (5, 10, 20, 30, 40),
        "Between linear and quadratic: T - 1 prefixes are completed by T / 2 tokens on average and scored over T "
        "windows, but the highway layer runs once for each completed sequence.",
    ),
    Axis(
        "vocab_size",
        "vocabulary V",
        (1000, 2500, 5000, 10_000, 20_000),
        "Partly linear: each token is sampled by a product with all V rows, and the filters' tables have V rows. "
        "Looking up in them takes the same time as long as they fit the cache.",
    ),
    Axis(
        "rows",
        "batch B",
        (8, 16, 32, 64, 128),
        "Linear: twice the sequences, twice the work, except for the filters' tables, which are computed once a step.",
    ),
)


def measure(base: Size, device: torch.device, seconds: float) -> dict[str, list[Timing]]:
    """Times the step at each value of each axis."""
    timings: dict[str, list[Timing]] = {}
    for axis in AXES:
        timings[axis.field] = []
        for value in axis.values:
            step = Steps(replace(base, **{axis.field: value}), device).adversarial()
            timings[axis.field].append(time_function(step, seconds, 3))
    return timings


def power(values: Sequence[int], times: Sequence[Timing]) -> float:
    """Returns p of time ~ value^p, fitted to the last two values."""
    return math.log(times[-1].median / times[-2].median) / math.log(values[-1] / values[-2])


def plot(timings: dict[str, list[Timing]], base: Size, path: Path) -> None:
    """Writes the plot, four panels on logarithmic axes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "textgan", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 2.8), layout="constrained")
        for axis, panel in zip(AXES, figure.subplots(1, len(AXES), sharey=True), strict=True):
            times = timings[axis.field]
            panel.plot(axis.values, [t.median for t in times], "o-", color="C0")
            panel.fill_between(axis.values, [t.low for t in times], [t.high for t in times], alpha=0.25)
            panel.axvline(getattr(base, axis.field), color="0.8", linewidth=1, zorder=0)
            panel.set(xscale="log", yscale="log", xlabel=axis.label)
            panel.set_xticks(axis.values, [f"{v:,}" for v in axis.values], rotation=45)
            panel.minorticks_off()
        highest = max(t.high for times in timings.values() for t in times)
        lowest = min(t.low for times in timings.values() for t in times)
        ticks = [2.0**power for power in range(math.floor(math.log2(lowest)), math.ceil(math.log2(highest)) + 1)]
        figure.axes[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        figure.axes[0].set_ylabel("adversarial step, seconds")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> int:
    """Prints a table for each size and writes the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="file to write: .svg, .png or .pdf")
    parser.add_argument("--seconds", type=float, default=1.0, help="to spend on each value")
    add_size(parser)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    prepare_process()
    base = size_of(given)
    print(machine(given)[0], f"around V {base.vocab_size}, T {base.length}, B {base.rows}, N {base.rollouts}", sep="; ")
    timings = measure(base, torch.device(given.device), given.seconds)
    for axis in AXES:
        times = timings[axis.field]
        print(f"\n{axis.label}: power {power(axis.values, times):.2f} at the end. {axis.growth}")
        for value, time in zip(axis.values, times, strict=True):
            print(f"{value:>10,}{in_units(time.median):>12}  {in_units(time.low):>8} to {in_units(time.high):>8}")
    plot(timings, base, given.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
