"""A new plugin installs, passes its tests and runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from textgan.cli.scaffold import FILES, write_plugin
from textgan.core.errors import UserError

NAME = "moving_mean"
SMALL = [
    *("data.sentences=200", "data.validation=20", "data.test=20", "evaluate.samples=20", "batch_size=8", "device=cpu"),
    *("generator.hidden_dim=8", "discriminator.widths=[1,2]", "discriminator.filters=4"),
    *("phases.pretrain-g.rounds=2", "phases.pretrain-d.rounds=2", "phases.adversarial.rounds=3"),
    *("phases.pretrain-d.turns.discriminator.pool=24", "phases.adversarial.turns.discriminator.pool=48"),
]


def python(*arguments: str, path: Path, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A new plugin, and the folder that it is installed in."""
    root = tmp_path_factory.mktemp("plugin")
    files = write_plugin(NAME, root)
    assert sorted(files) == sorted(file for file in (root / NAME).rglob("*") if file.is_file())
    pip = "-m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --target"
    python(*pip.split(), str(root / "site"), str(root / NAME), path=root, cwd=root)
    return root / NAME, root / "site"


@pytest.mark.slow
def test_a_new_plugin_passes_its_tests(plugin: tuple[Path, Path]) -> None:
    home, site = plugin
    output = python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", path=site, cwd=home)
    assert "4 passed" in output


@pytest.mark.slow
def test_a_new_plugin_is_listed_and_runs_by_name(plugin: tuple[Path, Path], tmp_path: Path) -> None:
    home, site = plugin
    assert NAME in python("-m", "textgan", "list", "estimators", path=site, cwd=tmp_path)
    arguments = [f"{home / NAME}.yaml", *SMALL, "--out", "run", "--no-controls", "--quiet"]
    python("-m", "textgan", "run", *arguments, path=site, cwd=tmp_path)
    assert f"name: {NAME}" in (tmp_path / "run" / "recipe.yaml").read_text(encoding="utf-8")
    assert "baseline" in (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8")


def test_every_template_is_used() -> None:
    templates = Path(sys.modules[write_plugin.__module__].__file__ or "").parent / "templates" / "plugin"
    assert sorted(FILES.values()) == sorted(file.name.removesuffix(".tmpl") for file in templates.iterdir())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my-idea", 'such as "my_idea"'),
        ("My Idea", 'such as "my_idea"'),
        ("", "lower-case letters"),
        ("2nd", "a letter first"),
        ("class", "not a valid module name"),
        ("../escape", 'such as "escape"'),
        ("lstm", "is already a generator, provided by textgan"),
        ("json", "is already a Python module"),
    ],
)
def test_invalid_names_are_refused(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        write_plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(UserError, match="already exists"):
        write_plugin(NAME, tmp_path)
    assert not list((tmp_path / NAME).iterdir())


def test_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written: Not a directory; choose another folder"):
        write_plugin(NAME, tmp_path / "file" / "deeper")
