"""Describes devices by the properties that decide between implementations. Other code never tests a device's type."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

TRITON_SWITCH = "TEXTGAN_TRITON"
"""Environment variable: 1 turns the experimental Triton kernels on."""


@dataclass(frozen=True)
class DeviceProfile:
    """Properties that decide between equivalent ways of computing one operation.

    Args:
        max_logits: floats of logits to hold at once: as many as fit a CPU's cache, or keep a GPU busy.
        is_async: whether reading a value synchronises the host, so that shapes must not depend on values.
        prefers_gather: whether summing table rows beats a matrix product (no tensor cores).
        compiled_kernels: whether the compiled C kernels (`csrc/`) can be used for its tensors.
        triton_kernels: whether the experimental Triton kernels are used.
    """

    max_logits: int
    is_async: bool
    prefers_gather: bool
    compiled_kernels: bool = False
    triton_kernels: bool = False


CPU = DeviceProfile(max_logits=1_280_000, is_async=False, prefers_gather=True, compiled_kernels=True)
GPU = DeviceProfile(max_logits=256_000_000, is_async=True, prefers_gather=False)

_assumed: list[DeviceProfile] = []


def describe(device: torch.device) -> DeviceProfile:
    """Returns the properties of a device."""
    if _assumed:
        return _assumed[-1]
    if device.type == "cpu":
        return CPU
    if device.type == "cuda" and os.environ.get(TRITON_SWITCH) == "1":
        return DeviceProfile(GPU.max_logits, GPU.is_async, GPU.prefers_gather, triton_kernels=True)
    return GPU


@contextmanager
def assume(profile: DeviceProfile) -> Iterator[None]:
    """Makes `describe` return these properties for every device, to test on a CPU what runs on a GPU."""
    _assumed.append(profile)
    try:
        yield
    finally:
        _assumed.pop()
