from __future__ import annotations

import pytest
import torch

from textgan.ops import device
from textgan.ops.device import CPU, GPU, TRITON_SWITCH, DeviceProfile, assume, describe

OTHER = DeviceProfile(max_logits=7, is_async=True, prefers_gather=True)


@pytest.fixture(autouse=True)
def _switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRITON_SWITCH, raising=False)


def test_profiles_of_devices() -> None:
    assert describe(torch.device("cpu")) is CPU
    assert describe(torch.device("cuda")) is GPU
    assert describe(torch.device("cuda", 1)) is GPU
    assert describe(torch.device("meta")).is_async
    assert (CPU.is_async, CPU.prefers_gather, CPU.compiled_kernels) == (False, True, True)
    assert (GPU.is_async, GPU.prefers_gather, GPU.compiled_kernels) == (True, False, False)


@pytest.mark.parametrize(("value", "used"), [("1", True), ("0", False), ("", False), ("yes", False)])
def test_triton_is_off_unless_it_is_turned_on(value: str, used: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not describe(torch.device("cuda")).triton_kernels
    monkeypatch.setenv(TRITON_SWITCH, value)
    found = describe(torch.device("cuda"))
    assert found.triton_kernels is used
    assert (found.max_logits, found.is_async, found.prefers_gather) == (GPU.max_logits, True, False)
    assert not describe(torch.device("cpu")).triton_kernels


def test_an_assumed_profile_is_that_of_every_device_until_the_block_ends() -> None:
    with assume(OTHER):
        assert describe(torch.device("cpu")) is describe(torch.device("cuda")) is OTHER
        with assume(GPU):
            assert describe(torch.device("cpu")) is GPU
        assert describe(torch.device("cpu")) is OTHER
    assert describe(torch.device("cpu")) is CPU


def test_an_assumed_profile_ends_with_an_exception() -> None:
    def fail() -> None:
        with assume(OTHER):
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert not device._assumed
