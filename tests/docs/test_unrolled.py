"""The unrolled script takes the same steps as the recipe: losses are equal bit for bit."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.paths import ROOT

from textgan import recipe
from textgan.runs import runner
from textgan.runs.reporter import ProgressReporter

SMALL = [
    "device=cpu",
    "batch_size=16",
    "log.every=1",
    "data.sentences=300",
    "estimator.rollouts=2",
    "optimizers.generator.clip=0.05",
    "optimizers.policy.clip=0.05",
    "evaluate.samples=20",
    "phases.pretrain-g.rounds=6",
    "phases.pretrain-d.rounds=3",
    "phases.adversarial.rounds=3",
    "phases.adversarial.turns.generator.batch_size=40",
    "phases.pretrain-d.turns.discriminator.pool=48",
    "phases.adversarial.turns.discriminator.pool=48",
]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("seqgan_unrolled", ROOT / "docs/methods/seqgan_unrolled.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings(script: ModuleType, filled: Mapping[str, Any]) -> Any:
    """Returns the settings of a filled recipe as the script takes them."""
    phases, lr = filled["phases"], {name: block["lr"] for name, block in filled["optimizers"].items()}
    return script.Settings(
        sentences=filled["data"]["sentences"],
        batch_size=filled["batch_size"],
        embed_dim=filled["generator"]["embed_dim"],
        hidden_dim=filled["generator"]["hidden_dim"],
        widths=tuple(filled["discriminator"]["widths"]),
        filters=filled["discriminator"]["filters"],
        l2=filled["discriminator"]["l2"],
        rollouts=filled["estimator"]["rollouts"],
        lr_generator=lr["generator"],
        lr_policy=lr["policy"],
        lr_discriminator=lr["discriminator"],
        clip=filled["optimizers"]["generator"]["clip"],
        pretrain_g=phases["pretrain-g"]["rounds"],
        pretrain_d=phases["pretrain-d"]["rounds"],
        adversarial=phases["adversarial"]["rounds"],
        policy_batch=phases["adversarial"]["turns"]["generator"]["batch_size"],
        pool=phases["adversarial"]["turns"]["discriminator"]["pool"],
    )


class Losses(ProgressReporter):
    """Records the statistics of every round."""

    def __init__(self) -> None:
        self.rounds: list[tuple[str, dict[str, float]]] = []

    def on_log(self, result: Any, values: Mapping[str, float]) -> None:
        self.rounds.append((result.phase.name, dict(values)))


@pytest.mark.parametrize("seed", [0, 7])
def test_takes_the_same_steps_as_the_recipe(script: ModuleType, seed: int, tmp_path: Path) -> None:
    small = recipe.load("seqgan", [*SMALL, f"seed={seed}"], controls=False)
    recorded = Losses()
    runner.start(small, tmp_path / "run", recorded)
    unrolled = [
        (phase, {name: float(value) for name, value in losses.items()})
        for phase, losses in script.train(settings(script, small.filled), seed)
    ]
    assert len(recorded.rounds) == 12
    assert unrolled == [
        (phase, {name: values[name] for name in losses})
        for (phase, values), (_, losses) in zip(recorded.rounds, unrolled, strict=True)
    ]


def test_another_seed_takes_other_steps(script: ModuleType) -> None:
    tiny = replace(script.Settings(), sentences=200, pretrain_g=1, pretrain_d=0, adversarial=0)
    first, second = (next(script.train(tiny, seed)) for seed in (0, 1))
    assert first != second


def test_its_settings_are_those_of_the_recipe(script: ModuleType) -> None:
    filled = recipe.load("seqgan").filled
    assert settings(script, filled) == script.Settings()
    assert filled["phases"]["pretrain-d"]["turns"]["discriminator"]["pool"] == script.Settings().pool
