"""Derives independent random streams from one seed: a stream's seed is a function of the run's seed and its name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, *names: str | int) -> int:
    """Returns a 63-bit seed for the stream of that name.

    Args:
        seed: the run's seed.
        *names: the parts of the stream's name.
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@contextmanager
def stream(seed: int, *names: str | int) -> Iterator[None]:
    """Uses the random numbers of a stream inside the block, and restores PyTorch's random state after it.

    Args:
        seed: the run's seed.
        *names: the parts of the stream's name.
    """
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derive(seed, *names))
        yield
