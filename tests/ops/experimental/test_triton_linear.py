"""The Triton kernels; `tests/ops/test_linear_sample.py` compares them with the compiled ones in detail."""

from __future__ import annotations

import importlib.util
import os

import pytest
import torch

from textgan.ops.experimental import self_check

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
if importlib.util.find_spec("triton") is None:
    pytest.skip("Triton is not installed", allow_module_level=True)

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def test_the_kernels_pass_their_self_check() -> None:
    from textgan.ops.experimental.triton_linear import TritonLinear

    assert self_check.find_fault(TritonLinear, DEVICE) == ""


def test_no_rows_are_accepted() -> None:
    from textgan.ops.experimental.triton_linear import TritonLinear

    kernel = TritonLinear(torch.randn(70, 5, device=DEVICE), torch.zeros(70, device=DEVICE))
    features = torch.zeros(0, 5, device=DEVICE)
    assert kernel.sample(features, torch.zeros(0, device=DEVICE), True).shape == (0,)
    assert kernel.log_normalizer(features, True).shape == (0,)
