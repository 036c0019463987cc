"""How long something takes: the median of several goes, and how far they lie apart."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Timed:
    """Seconds.

    Args:
        median: of all goes but the first.
        low, high: the middle half of them.
        goes: how many.
    """

    median: float
    low: float
    high: float
    goes: int


def timed(function: Callable[[], object], seconds: float = 3.0, least: int = 5, most: int = 50) -> Timed:
    """Goes until `seconds` are over, at least `least` times.

    The first go is warm-up and does not count, unless one go is wanted and it took ten seconds: next to these, what
    warms up is nothing.
    """
    first = _go(function)
    found = [first] if least == 1 and first > 10 else []
    end = time.perf_counter() + seconds
    while len(found) < least or (time.perf_counter() < end and len(found) < most):
        found.append(_go(function))
    quarters = statistics.quantiles(found, n=4) if len(found) > 1 else found * 3
    return Timed(statistics.median(found), quarters[0], quarters[2], len(found))


def _go(function: Callable[[], object]) -> float:
    synchronise()
    began = time.perf_counter()
    function()
    synchronise()
    return time.perf_counter() - began


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
