"""The script that computes how often a discriminator prefers the better sentence counts all pairs."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "docs/methods/score_pairs.py"


def test_pairs_are_counted_and_ties_count_half() -> None:
    preferred = runpy.run_path(str(SCRIPT))["preferred"]
    assert preferred(torch.tensor([2.0, 3.0]), torch.tensor([2.0, 1.0])) == 3.5 / 4
    better, worse = torch.randn(40).round(), torch.randn(30).round()
    pairs = (better[:, None] > worse).double() + 0.5 * (better[:, None] == worse)
    assert preferred(better, worse) == pytest.approx(float(pairs.mean()))
    assert preferred(worse, better) == pytest.approx(1 - float(pairs.mean()))
