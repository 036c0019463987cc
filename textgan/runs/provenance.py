"""Records what a run was computed with: versions, device, and the providers of its components."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from textgan.core import registry
from textgan.recipe import Recipe

PACKAGES = ("textgan", "torch", "transformers", "datasets", "tokenizers", "safetensors", "numpy")


def environment(recipe: Recipe) -> dict[str, Any]:
    """Returns the content of `environment.json`: what is needed to repeat a run. No paths, no access tokens."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "recipe": recipe.name,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "components": {f"{c.kind} {c.name}": f"{c.provider} {c.version}".strip() for c in _components(recipe)},
    }


def _components(recipe: Recipe) -> Iterator[registry.Component]:
    """Yields every component that the filled recipe names, once."""
    filled = recipe.filled
    kinds = [kind for kind in registry.KINDS if isinstance(filled.get(kind), Mapping)]
    named = [(kind, filled[kind]["name"]) for kind in kinds]
    named += [("optimizer", block["name"]) for block in filled["optimizers"].values()]
    named += [("metric", block["name"]) for block in filled["evaluate"]["metrics"]]
    turns = [turn for phase in filled["phases"].values() for turn in phase["turns"].values()]
    named += [("objective", turn["objective"]) for turn in turns]
    named += [("tracker", block["name"]) for block in filled["trackers"]]
    named += [("callback", block["name"]) for block in filled["callbacks"]]
    for kind, name in dict.fromkeys(named):
        yield registry.find(kind, name)
