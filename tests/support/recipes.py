"""A small recipe, and its problems as lines of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgan.recipe import RecipeError, load

SMALL = """
data: grammar
generator: {name: lstm, hidden_dim: 8}
discriminator: text_cnn
loss: bce
estimator: {name: rollout, rollouts: 2}
optimizers: {generator: {lr: 1e-2}, discriminator: {lr: 1e-3}}
phases:
  first: {rounds: 2, turns: [likelihood]}
  second: {rounds: 3, turns: {generator: {objective: adversarial}, discriminator: {objective: discriminate, times: 2}}}
"""


def write_recipe(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    """Writes a recipe's file."""
    file = folder / name
    file.write_text(text)
    return file


def problems(file: str | Path, *settings: str) -> list[str]:
    """Returns the problems of an invalid recipe, each as "location path text"."""
    with pytest.raises(RecipeError) as caught:
        load(file, settings)
    return [f"{p.location} {'.'.join(map(str, p.path))} {p.text}" for p in caught.value.problems]
