"""Saves and restores what a run needs to continue with the same bytes: weights, optimizers, random states, progress.

A checkpoint is a folder: `weights.safetensors` (the players), `training.safetensors` (optimizers, random states) and
`state.json` (progress, and the checksums of the other two). It is written atomically, so it is complete or absent.
Nothing is pickled.
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

from textgan.core.errors import UserError
from textgan.recipe import Recipe
from textgan.runs.atomic import writing
from textgan.runs.builder import Run
from textgan.training.loop import Progress

WEIGHTS, TRAINING, STATE = "weights.safetensors", "training.safetensors", "state.json"


def save(run: Run, progress: Progress, folder: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Saves a checkpoint.

    Args:
        run: what to save.
        progress: the finished rounds.
        folder: the checkpoint's folder; replaced if it exists.
        extra: further values for `state.json`.

    Raises:
        Failure: if the disk is full or cannot be written.
    """
    weights = {
        f"{name}.{key}": value for name, module in run.modules.items() for key, value in module.state_dict().items()
    }
    training, scalars = _optimizer_state(run)
    training |= _random_state()
    *_, has_gauss, gauss = np.random.get_state(legacy=True)
    state = {
        "progress": {"phase": progress.phase, "round": progress.round, "global_round": progress.global_round},
        "batches": run.batches.index,
        "optimizers": scalars,
        "python": random.getstate(),
        "numpy_gauss": [has_gauss, gauss],
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
    """Returns weights, training tensors and state of a checkpoint.

    Raises:
        UserError: if it cannot be read, or a checksum does not match.
    """
    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        for name, checksum in state["sha256"].items():
            if _checksum(folder / name) != checksum:
                raise UserError(
                    f"{folder / name}: is damaged, its checksum differs from the saved one; "
                    "expected an unchanged file; restore it from a copy"
                )
        return load_file(folder / WEIGHTS), load_file(folder / TRAINING), state
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder}: not a readable checkpoint ({error}); expected {WEIGHTS}, {TRAINING} and {STATE}; "
            "restore them from a copy"
        ) from error


def extra(folder: Path) -> Any:
    """Returns the `extra` values of a checkpoint."""
    return json.loads((folder / STATE).read_text(encoding="utf-8"))["extra"]


def restore_player(module: nn.Module, name: str, folder: Path) -> None:
    """Loads one player's weights from a checkpoint.

    Args:
        module: the player.
        name: such as "generator".
        folder: the checkpoint's folder.
    """
    weights, _, _ = read(folder)
    module.load_state_dict(_own(weights, name))


def _own(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Returns one player's weights, by their names in the player."""
    return {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}


def remove(folder: Path) -> None:
    """Deletes a checkpoint. It is renamed first, so that a partly deleted one is never read."""
    trash = folder.with_name(f".{folder.name}.gone")
    folder.rename(trash)
    shutil.rmtree(trash)


def restore(run: Run, folder: Path, of: Recipe | None = None) -> Progress:
    """Restores the state of a run. Returns the progress at which it was saved.

    Args:
        run: what to change.
        folder: the checkpoint's folder.
        of: the checkpoint's recipe, if that is not the run's own. Players and optimizers that differ between the two
            recipes are not restored.

    Raises:
        UserError: if the checkpoint is damaged or does not fit the recipe.
    """
    weights, training, state = read(folder)
    for name, module in run.modules.items():
        own = _own(weights, name)
        if not _is_shared(run, of, name) or (of and own.keys() != module.state_dict().keys()):
            continue
        try:
            module.load_state_dict(own)
        except RuntimeError as error:
            raise UserError(
                f"{folder}: does not fit this recipe's {name} ({str(error).splitlines()[-1].strip()}); "
                "expected a checkpoint of the same recipe; start a new run"
            ) from None
    _restore_optimizers(run, training, {} if of else state["optimizers"], of)
    run.batches.index = state["batches"]
    _restore_random_state(training, state)
    return Progress(**state["progress"])


def _is_shared(run: Run, of: Recipe | None, player: str, optimizer: str | None = None) -> bool:
    """Returns whether another recipe has the same player, and the same optimizer; None is the run's own recipe."""
    if of is None:
        return True
    own, other = run.recipe.filled, of.filled
    same = optimizer is None or own["optimizers"].get(optimizer) == other["optimizers"].get(optimizer)
    return bool(same and own[player] == other[player])


def _optimizer_state(run: Run) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns the moments of all optimizers as tensors, and their step sizes and other scalars."""
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
    """Restores moments from `tensors`, and step sizes and the like from `scalars` or, by default, from the recipe."""
    for (name, player), optimizer in run.optimizers.items():
        if not _is_shared(run, of, player.partition(".")[0], name):
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
    np.random.set_state(("MT19937", numbers[:-1].astype(np.uint32), int(numbers[-1]), *state["numpy_gauss"]))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
