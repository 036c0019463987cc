"""A step on an asynchronous device must not read what it computes: each read makes the host wait.

A GPU has its own check for that (`torch.cuda.set_sync_debug_mode`, in tests/system/test_gpu.py). Here the same code
runs on the CPU under the profile of an asynchronous device, and every operator whose result the host would wait for
raises an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from textgan import recipe
from textgan.ops import device
from textgan.ops.device import DeviceProfile
from textgan.runs.builder import build
from textgan.training.loop import Turn

aten = torch.ops.aten
READS = {
    aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.equal, aten.is_nonzero, aten._unique,
    aten._unique2, aten.unique_consecutive, aten.unique_dim, aten.bincount, aten.histc,
}  # fmt: skip
"""Operators whose result, or its shape, depends on a value that was computed."""
RECIPES = sorted(name for name in recipe.bundled() if "/" not in name and name not in ("finetune", "pg_bleu"))
"""Recipes in folders are these in other sizes. `finetune` starts from a trained model, and the reward of `pg_bleu`
reads text, which happens on the host.
"""
SMALL = (
    "device=cpu", "data.sentences=200", "data.validation=20", "data.test=20", "batch_size=8",
    "generator.embed_dim=8", "generator.hidden_dim=8", "estimator.rollouts=2", "discriminator.embed_dim=8",
    "discriminator.hidden_dim=8", "discriminator.filters=4",
)  # fmt: skip


class Waited(Exception):
    """Raised where the host would have waited."""


class NoReads(TorchDispatchMode):
    """Raises `Waited` where a computed value is read."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet = func.overloadpacket
        by_mask = packet in (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_) and any(
            isinstance(index, Tensor) and index.dtype == torch.bool for index in args[1]
        )
        counted = packet is aten.repeat_interleave and (kwargs or {}).get("output_size") is None
        if packet in READS or by_mask or counted:
            raise Waited(str(func))
        return func(*args, **(kwargs or {}))


@pytest.fixture
def on_async_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Assumes what a GPU is like: asynchronous, without the CPU's compiled kernels and table look-ups."""

    def one_hot(ids: Tensor, size: int) -> Tensor:
        """PyTorch's own reads, only on CPUs, whether all ids are below the size."""
        return torch.zeros(*ids.shape, size, dtype=torch.long).scatter_(-1, ids.unsqueeze(-1), 1)

    monkeypatch.setattr(functional, "one_hot", one_hot)
    with device.assume(DeviceProfile(device.CPU.max_logits, is_async=True, prefers_gather=False)):
        yield


def settings(name: str) -> list[str]:
    """Returns those of the small settings whose keys this recipe has."""
    filled = recipe.load(name, []).filled
    found = []
    for setting in SMALL:
        block: Any = filled
        for key in setting.partition("=")[0].split("."):
            block = block[key] if isinstance(block, dict) and key in block else None
        if block is not None:
            found.append(setting)
    return found


def first_step(turn: Turn, batches: Iterator[Any]) -> None:
    """Takes the first optimizer step of a turn, as `textgan.training.loop.play` does."""
    losses = replace(turn, times=1).objective.losses(batches)
    loss = next(iter(losses))
    for update in turn.updates:
        update.optimizer.zero_grad()
    loss.value.backward()
    for update in turn.updates:
        update.step()


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.usefixtures("on_async_device")
def test_no_step_waits(name: str) -> None:
    run = build(recipe.load(name, settings(name)))
    assert run.phases
    for phase in run.phases:
        for turn in phase.turns:
            with NoReads():
                first_step(turn, run.batches)


def test_steps_on_a_cpu_do_read_values() -> None:
    """On a CPU reading a value costs nothing and saves work. It shows what the check reports if steps do so."""
    run = build(recipe.load("seqgan", settings("seqgan")))
    for phase in run.phases[0], run.phases[2]:
        with pytest.raises(Waited), NoReads():
            first_step(phase.turns[0], run.batches)


@pytest.mark.parametrize(
    "read",
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
def test_every_read_is_caught(read: Callable[[Tensor], object]) -> None:
    with NoReads(), pytest.raises(Waited):
        read(torch.ones(3))
