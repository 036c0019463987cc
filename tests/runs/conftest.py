from __future__ import annotations

from pathlib import Path

import pytest
from support.runs import small

from textgan.runs import runner


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run that was not interrupted, controls included. Do not change it."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    runner.start(small(), folder)
    return folder
