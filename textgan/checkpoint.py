"""Everything that a run needs to go on to the same bytes: weights, optimizers, random states, places.

A checkpoint is a folder: `weights.safetensors` (the players), `training.safetensors` (optimizers, random states) and
`state.json` (places, and the checksum of the other two). It is written beside its place, synced and renamed, so it is
whole or absent. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from textgan.atomic import writing
from textgan.build import Run
from textgan.errors import UserError
from textgan.recipe import Recipe
from textgan.training import Place

WEIGHTS, TRAINING, STATE = "weights.safetensors", "training.safetensors", "state.json"


def save(run: Run, place: Place, folder: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Writes a checkpoint to `folder`, replacing one that is there. Raises Failure if the disk does not take it."""
    weights = {
        f"{name}.{key}": value for name, module in run.modules.items() for key, value in module.state_dict().items()
    }
    training, scalars = _optimizer_state(run)
    training |= _random_state()
    state = {
        "place": {"phase": place.phase, "round": place.round, "index": place.index},
        "batches": run.batches.index,
        "optimizers": scalars,
        "python": random.getstate(),
        "extra": dict(extra or {}),
    }
    with writing(folder) as temporary:
        sums = {}
        for name, tensors in ((WEIGHTS, weights), (TRAINING, training)):
            save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, temporary / name)
            sums[name] = _checksum(temporary / name)
        (temporary / STATE).write_text(json.dumps(state | {"sha256": sums}), encoding="utf-8")


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
    """Weights, training tensors and state of a checkpoint. Raises UserError if a byte of it has changed."""
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        for name, checksum in state["sha256"].items():
            if _checksum(folder / name) != checksum:
                raise UserError(f"{folder / name} is damaged: its checksum is not the one that was saved with it")
        return load_file(folder / WEIGHTS), load_file(folder / TRAINING), state
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder} is no checkpoint that can be read: {error}") from error


def extra(folder: Path) -> Any:
    """What `save` was given beside the run."""
    return json.loads((folder / STATE).read_text(encoding="utf-8"))["extra"]


def restore_player(module: nn.Module, name: str, folder: Path) -> None:
    """The weights of one player, as a checkpoint has them."""
    weights, _, _ = read(folder)
    module.load_state_dict(_own(weights, name))


def _own(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """One player's part of a checkpoint's weights."""
    return {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}


def remove(folder: Path) -> None:
    """Deletes a checkpoint, such that half of one never looks like a whole one."""
    gone = folder.with_name(f".{folder.name}.gone")
    folder.rename(gone)
    shutil.rmtree(gone)


def restore(run: Run, folder: Path, of: Recipe | None = None) -> Place:
    """Puts a run where a checkpoint was saved.

    Args:
        of: what the checkpoint is of, if it is another recipe that began alike: players and optimizers that the two do
            not have alike stay as they are.
    """
    weights, training, state = read(folder)
    for name, module in run.modules.items():
        own = _own(weights, name)
        if not _alike(run, of, name) or (of and own.keys() != module.state_dict().keys()):
            continue
        try:
            module.load_state_dict(own)
        except RuntimeError as error:
            raise UserError(
                f"{folder} does not fit this recipe's {name}: {str(error).splitlines()[-1].strip()}"
            ) from None
    _restore_optimizers(run, training, {} if of else state["optimizers"], of)
    run.batches.index = state["batches"]
    _restore_random_state(training, state)
    return Place(**state["place"])


def _alike(run: Run, of: Recipe | None, player: str, optimizer: str | None = None) -> bool:
    """Whether another recipe has the same player, and the same optimizer. None is the run's own recipe."""
    if of is None:
        return True
    mine, theirs = run.recipe.filled, of.filled
    same = optimizer is None or mine["optimizers"].get(optimizer) == theirs["optimizers"].get(optimizer)
    return bool(same and mine[player] == theirs[player])


def _optimizer_state(run: Run) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, Any] = {}
    for (name, player), optimizer in run.optimizers.items():
        state = optimizer.state_dict()
        for index, values in state["state"].items():
            for key, value in values.items():
                if value is not None:
                    tensors[f"optimizer/{name}/{player}/{index}/{key}"] = torch.as_tensor(value)
        scalars[f"{name}/{player}"] = [
            {k: v for k, v in group.items() if k != "params"} for group in state["param_groups"]
        ]
    return tensors, scalars


def _restore_optimizers(run: Run, tensors: Mapping[str, Tensor], scalars: Mapping[str, Any], of: Recipe | None) -> None:
    """Moments from the tensors; step sizes and the like from `scalars`, where they are, else as the recipe has them."""
    for (name, player), optimizer in run.optimizers.items():
        if not _alike(run, of, player.partition(".")[0], name):
            continue
        state: dict[int, dict[str, Tensor]] = {}
        prefix = f"optimizer/{name}/{player}/"
        for path, value in tensors.items():
            if path.startswith(prefix):
                index, key = path.removeprefix(prefix).split("/")
                state.setdefault(int(index), {})[key] = value
        groups = optimizer.state_dict()["param_groups"]
        saved = scalars.get(f"{name}/{player}", groups)
        merged = [{**old, "params": group["params"]} for old, group in zip(saved, groups, strict=True)]
        optimizer.load_state_dict({"state": state, "param_groups": merged})


def _random_state() -> dict[str, Tensor]:
    states = {"random/torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["random/cuda"] = torch.cuda.get_rng_state()
    _, keys, position, *_ = np.random.get_state(legacy=True)
    states["random/numpy"] = torch.from_numpy(np.append(np.asarray(keys, dtype=np.int64), position))
    return states


def _restore_random_state(tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    torch.set_rng_state(tensors["random/torch"])
    if torch.cuda.is_available() and "random/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random/cuda"])
    numbers = tensors["random/numpy"].numpy()
    np.random.set_state(("MT19937", numbers[:-1].astype(np.uint32), int(numbers[-1]), 0, 0.0))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
