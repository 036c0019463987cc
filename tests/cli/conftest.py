"""Provides a tiny recipe, a finished run of it, and a function that calls the command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from textgan.cli import main

RECIPE = """\
# Tiny: for tests.
data: {{name: text, path: {path}}}
batch_size: 4
generator: {{name: lstm, embed_dim: 4, hidden_dim: 4}}
discriminator: {{name: text_cnn, embed_dim: 4, widths: [1, 2], filters: 2}}
loss: bce
estimator: reinforce
optimizers:
  generator: {{lr: 1e-2}}
  discriminator: {{lr: 1e-3}}
phases:
  pretrain-g: {{rounds: 3, turns: [likelihood]}}
  adversarial: {{rounds: 2, turns: [adversarial, discriminate]}}
evaluate: {{samples: 12, metrics: [nll_test, unique]}}
controls:
  continued-mle: {{phases: {{adversarial: {{turns: [likelihood]}}}}}}
"""

Answer = tuple[int, str, str]


@pytest.fixture
def textgan(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """A function that calls the command line and returns exit code, stdout and stderr."""

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def write_recipe(folder: Path) -> Path:
    """Writes the tiny recipe and its data."""
    nouns, verbs = ("dog", "cat", "fox", "hen", "owl"), ("sees", "likes", "hears")
    lines = [f"the {a} {v} the {b}" for a in nouns for v in verbs for b in nouns if a != b]
    (folder / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = folder / "tiny.yaml"
    recipe.write_text(RECIPE.format(path=folder / "lines.txt"), encoding="utf-8")
    return recipe


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of the tiny recipe. Do not change it."""
    home = tmp_path_factory.mktemp("finished")
    folder = home / "run"
    assert main(["run", str(write_recipe(home)), "--out", str(folder), "--quiet"]) == 0
    return folder
