"""Derives independent random streams from one seed: a stream's seed is a function of the run's seed and its name."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derive(seed: int, *names: str | int) -> int:
    """Returns a 63-bit seed for the stream of that name.

    Args:
        seed: the run's seed.
        *names: the parts of the stream's name.
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_all(seed: int) -> None:
    """Seeds the global random numbers of PyTorch, NumPy and Python.

    Args:
        seed: from 0 to 2**64 - 1.
    """
    torch.manual_seed(seed)
    np.random.seed([seed & 0xFFFFFFFF, seed >> 32])
    random.seed(seed)


@contextmanager
def stream(seed: int, *names: str | int) -> Iterator[None]:
    """Uses the random numbers of a stream inside the block, and restores all global random states after it.

    Args:
        seed: the run's seed.
        *names: the parts of the stream's name.
    """
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    before, before_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=devices):
        seed_all(derive(seed, *names))
        try:
            yield
        finally:
            random.setstate(before)
            np.random.set_state(before_numpy)
