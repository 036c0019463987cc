"""What is set for a whole process: in one of its own, as threads keep what was set when they began."""

from __future__ import annotations

import subprocess
import sys

import pytest

SUBNORMAL = """
import sys, torch
from textgan import recipe
from textgan.runs.builder import build
torch.set_num_threads(2)
small = ["data.sentences=100", "device=cpu"]
if sys.argv[1] == "prepared":
    build(recipe.load("mle", small))
numbers = torch.ones(4_000_000) * 1e-20 * 1e-20
print((numbers != 0).float().mean().item())
"""


@pytest.mark.parametrize(("when", "share"), [("prepared", 0.0), ("before", 1.0)])
def test_numbers_too_small_for_speed_are_zero_in_all_threads(when: str, share: float) -> None:
    """Moments of weights without gradients come down there, and cost a step ten times its time."""
    ran = subprocess.run([sys.executable, "-c", SUBNORMAL, when], check=True, capture_output=True, text=True)
    assert float(ran.stdout) == share
