"""What a component takes, read from its source, or from itself where the source does not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgan.core import spec
from textgan.core.registry import Component


def test_a_default_that_is_no_literal_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "DECAY = 0.9\n\n\nclass Mean:\n    def __init__(self, decay: float = DECAY) -> None: ...\n"
    (tmp_path / "named_default.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    found = spec.read(Component("estimator", "mean", "named_default:Mean", "mine", "1"))
    assert found.options["decay"].default == 0.9
