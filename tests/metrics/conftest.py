from __future__ import annotations

import pytest
from support.worlds import World


@pytest.fixture
def world() -> World:
    return World()
