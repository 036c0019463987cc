"""Fixtures: two tiny recipes, and comparisons with simulated measurements."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.planting import Values

from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.recipe import Recipe, load
from textgan.runs.cost import COUNTS

RECIPE = """\
data: {{name: text, path: {path}}}
batch_size: 4
generator: {{name: lstm, embed_dim: 4, hidden_dim: 4}}
discriminator: {{name: text_cnn, embed_dim: 4, widths: [1, 2], filters: 2}}
loss: {loss}
estimator: reinforce
optimizers:
  generator: {{lr: 1e-2}}
  discriminator: {{lr: 1e-3}}
phases:
  pretrain-g: {{rounds: 6, turns: [likelihood]}}
  pretrain-d: {{rounds: 1, turns: [discriminate]}}
  adversarial: {{rounds: 2, turns: [adversarial, discriminate]}}
evaluate: {{samples: 20, metrics: [nll_test, bleu, self_bleu, unique]}}
"""


@pytest.fixture
def recipes(tmp_path: Path) -> list[Recipe]:
    """Returns the recipes "one" and "two", which differ only in the loss."""
    nouns, verbs = ("dog", "cat", "fox", "hen", "owl"), ("sees", "likes", "hears")
    lines = [f"the {a} {v} the {b}" for a in nouns for v in verbs for b in nouns if a != b]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = []
    for name, loss in (("one", "bce"), ("two", "hinge")):
        file = tmp_path / f"{name}.yaml"
        file.write_text(RECIPE.format(path=tmp_path / "lines.txt", loss=loss), encoding="utf-8")
        found.append(load(file))
    return found


@pytest.fixture
def planted(recipes: list[Recipe], tmp_path: Path) -> Callable[..., Plan]:
    """Returns a function that makes a comparison and writes measurements without running it."""

    def plant(values: Mapping[str, Values], seeds: int = 6, texts: Sequence[str] = ("a b", "c d")) -> Plan:
        """values: method -> (seed -> points)."""
        plan = make_plan(recipes, Settings(seeds=seeds), tmp_path / "comparison")
        for name, points in values.items():
            for seed in range(seeds):
                home = plan.home(name, seed)
                home.mkdir(parents=True)
                content: dict[str, Any] = {
                    "points": points(seed),
                    "texts": list(texts),
                    "signatures": ["bleu-4|hyps:2000"],
                    "cost": {part: dict.fromkeys(COUNTS, 3.0) for part in ("start", "after")},
                }
                (home / "measured.json").write_text(json.dumps(content), encoding="utf-8")
        return plan

    return plant
