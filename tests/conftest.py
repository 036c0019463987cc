"""Gives every test the process state that a user's run has, and lets none change it for the next."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from textgan.core import registry
from textgan.ops import device
from textgan.training.engine import prepare_process

os.environ.setdefault("HF_HUB_OFFLINE", "1")
for variable in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):  # the caller's terminal has no effect
    os.environ.pop(variable, None)
prepare_process()  # as a run does: subnormals are flushed, freed memory is kept
torch.set_num_threads(1)  # xdist runs as many processes as there are cores


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in a random order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("--shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)


@pytest.fixture(autouse=True)
def _process_state_is_restored() -> Iterator[None]:
    """Random numbers, registered components and process settings are the same for every test, in any order."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    registered, threads, dtype = list(registry._added), torch.get_num_threads(), torch.get_default_dtype()
    yield
    registry._added[:] = registered
    torch.set_num_threads(threads)
    torch.set_default_dtype(dtype)
    torch.set_flush_denormal(True)
    assert not device._assumed, "a device profile is still assumed"
