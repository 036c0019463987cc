"""The device, and settings of a whole process. Those are tested in new processes, since threads keep old settings."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from textgan.core.errors import UserError
from textgan.training.engine import prepare_process, require_single_process, select_device

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
def test_building_a_run_flushes_subnormals_in_all_threads(when: str, share: float) -> None:
    """Adam's moments of parameters without gradients become subnormal, and slow a step down tenfold."""
    ran = subprocess.run([sys.executable, "-c", SUBNORMAL, when], check=True, capture_output=True, text=True)
    assert float(ran.stdout) == share


def test_a_process_may_be_prepared_twice() -> None:
    prepare_process()
    prepare_process()
    assert (torch.full((2,), 1e-20) * 1e-20).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_prefers_cuda_then_mps(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert select_device("auto") == torch.device(expected)


def test_a_named_device_is_returned() -> None:
    assert select_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "nonsense", "cpu:x", ""])
def test_a_device_that_is_not_available_is_refused(name: str) -> None:
    with pytest.raises(
        UserError, match=rf"^device={name}: not available here \(.+\); expected auto, cpu, cuda"
    ) as caught:
        select_device(name)
    assert "\n" not in str(caught.value), "one sentence, without torch's traceback"


@pytest.mark.parametrize("value", [None, "1"])
def test_one_process_is_accepted(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if value:
        monkeypatch.setenv("WORLD_SIZE", value)
    require_single_process()


def test_one_of_several_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UserError, match=r"WORLD_SIZE=4: .*; expected .*; start textgan without torchrun"):
        require_single_process()
