"""For all tests: one thread each, since xdist runs as many processes as there are cores."""

from collections.abc import Iterator

import pytest
import torch

from textgan.core import registry

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _what_a_test_registers_ends_with_it() -> Iterator[None]:
    before = list(registry._added)
    yield
    registry._added[:] = before
