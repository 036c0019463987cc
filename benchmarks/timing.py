"""Times a function: the median and the interquartile range of several repetitions."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Timing:
    """Seconds of several repetitions.

    Args:
        median: of all repetitions but the first.
        low: lower quartile.
        high: upper quartile.
        repetitions: how many were measured.
    """

    median: float
    low: float
    high: float
    repetitions: int


def time_function(function: Callable[[], object], seconds: float = 3.0, minimum: int = 5, maximum: int = 50) -> Timing:
    """Repeats a function until `seconds` are over, at least `minimum` and at most `maximum` times.

    The first repetition is warm-up and does not count. The exception is a single repetition that took ten seconds,
    of which warm-up is a negligible part.
    """
    first = _time_once(function)
    times = [first] if minimum == 1 and first > 10 else []
    end = time.perf_counter() + seconds
    while len(times) < minimum or (time.perf_counter() < end and len(times) < maximum):
        times.append(_time_once(function))
    quartiles = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
    return Timing(statistics.median(times), quartiles[0], quartiles[2], len(times))


def _time_once(function: Callable[[], object]) -> float:
    synchronize()
    start = time.perf_counter()
    function()
    synchronize()
    return time.perf_counter() - start


def synchronize() -> None:
    """Waits for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
