"""On a device that works while the host goes on, a step must not look at what it computes: each look waits.

A GPU has its own watch for that (`torch.cuda.set_sync_debug_mode`, in tests/test_gpu.py). Here the same code, told that
looking has a price, runs on the CPU, and every operator whose result the host has to wait for is caught.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import textgan
from textgan.ops import device
from textgan import recipe
from textgan.runs.builder import build
from textgan.ops.device import DeviceProfile
from textgan.training.loop import Turn

aten = torch.ops.aten
LOOKS = {
    aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.equal, aten.is_nonzero, aten._unique,
    aten._unique2, aten.unique_consecutive, aten.unique_dim, aten.bincount, aten.histc,
}  # fmt: skip
"""Operators whose result, or its shape, is a value that was computed."""
RECIPES = sorted(name for name in recipe.bundled() if "/" not in name and name not in ("finetune", "pg_bleu"))
"""Those in folders are these in other sizes; one begins with a model of yours; one's reward reads text, which is the
host's work.
"""
SMALL = (
    "device=cpu", "data.sentences=200", "data.validation=20", "data.test=20", "batch_size=8",
    "generator.embed_dim=8", "generator.hidden_dim=8", "estimator.rollouts=2", "discriminator.embed_dim=8",
    "discriminator.hidden_dim=8", "discriminator.filters=4",
)  # fmt: skip


class Waited(Exception):
    """The host would have waited here."""


class NoLooking(TorchDispatchMode):
    """Raises `Waited` where a value is looked at."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func.overloadpacket
        by_mask = packet in (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_) and any(
            isinstance(index, Tensor) and index.dtype == torch.bool for index in args[1]
        )
        counted = packet is aten.repeat_interleave and (kwargs or {}).get("output_size") is None
        if packet in LOOKS or by_mask or counted:
            raise Waited(str(func))
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def _waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU is: no kernels of the CPU's, no look-ups, and waiting for each value."""
    plain = device.describe

    def describe(device: torch.device) -> Device:
        return DeviceProfile(plain(device).logits, is_async=True, prefers_gather=False)

    def one_hot(ids: Tensor, size: int) -> Tensor:
        """PyTorch's own looks whether all ids are below the size, on CPUs alone."""
        return torch.zeros(*ids.shape, size, dtype=torch.long).scatter_(-1, ids.unsqueeze(-1), 1)

    monkeypatch.setattr(functional, "one_hot", one_hot)
    for found in pkgutil.walk_packages(textgan.__path__, "textgan."):  # what is imported later would be missed
        if found.name == "textgan.ops.experimental.triton_linear":  # needs Triton, and asks no device for anything
            continue
        module = importlib.import_module(found.name)
        if module is not devices and getattr(module, "describe", None) is plain:
            monkeypatch.setattr(module, "describe", describe)


def settings(name: str) -> list[str]:
    """Those of the small ones that this recipe has."""
    filled = recipe.load(name, []).filled
    found = []
    for setting in SMALL:
        block: Any = filled
        for key in setting.partition("=")[0].split("."):
            block = block[key] if isinstance(block, dict) and key in block else None
        if block is not None:
            found.append(setting)
    return found


def one_step(turn: Turn, batches: Iterator[Any]) -> None:
    """The first gradient step of a turn, as `textgan.training.loop.play` has it."""
    losses = replace(turn, times=1).objective.losses(batches)
    loss = next(iter(losses))
    for mover in turn.updates:
        mover.optimizer.zero_grad()
    loss.value.backward()
    for mover in turn.updates:
        mover.step()


@pytest.mark.parametrize("name", RECIPES)
def test_no_step_waits(name: str) -> None:
    run = build(recipe.load(name, settings(name)))
    assert run.phases
    for phase in run.phases:
        for turn in phase.turns:
            with NoLooking():
                one_step(turn, run.batches)


def test_the_steps_of_a_cpu_do_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it costs nothing it saves work. This is what the watch would see if they did so everywhere."""
    monkeypatch.undo()
    run = build(recipe.load("seqgan", settings("seqgan")))
    for phase in run.phases[0], run.phases[2]:
        with pytest.raises(Waited), NoLooking():
            one_step(phase.turns[0], run.batches)


@pytest.mark.parametrize(
    "look",
    [
        lambda x: float(x.sum()),
        lambda x: bool((x > 0).any()),
        lambda x: x[x > 0],
        lambda x: x.masked_select(x > 0),
        lambda x: x.nonzero(),
        lambda x: x.repeat_interleave(torch.ones(3, dtype=torch.long)),
        lambda x: x.unique(),
    ],
)
def test_every_look_is_caught(look: Callable[[Tensor], object]) -> None:
    with NoLooking(), pytest.raises(Waited):
        look(torch.ones(3))
