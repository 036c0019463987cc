"""The Python interface: run, resume, scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.runs import PRETRAINING, SMALL
from support.stopping import StopAt

import textgan
from textgan.core.errors import UserError
from textgan.runs.run_dir import RunDir
from textgan.runs.signals import Stopped


def test_settings_and_seed_are_applied(tmp_path: Path) -> None:
    result = textgan.run("seqgan", *SMALL, *PRETRAINING, seed=7, out=tmp_path / "run")
    assert list(result.columns) == ["pretrain-g"]
    assert result.folder == tmp_path / "run"
    assert "seed: 7" in (tmp_path / "run/recipe.yaml").read_text().splitlines()


def test_a_new_folder_is_named_by_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = textgan.run("seqgan", *SMALL, *PRETRAINING, "evaluate.metrics=[unique]")
    assert result.folder.parent == Path("runs")
    assert result.folder.name.startswith("seqgan-")


def test_a_stopped_run_can_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        textgan.run("seqgan", *SMALL, *PRETRAINING, out=tmp_path / "run", reporter=StopAt(3))
    assert list(textgan.resume(tmp_path / "run").columns) == ["pretrain-g"]
    assert RunDir(tmp_path / "run").entries()[-1]["global_round"] == 6


def test_a_function_of_texts_is_a_reward(tmp_path: Path) -> None:
    def short(texts: list[str]) -> list[float]:
        return [1 / (1 + len(text.split())) for text in texts]

    result = textgan.run("seqgan", *SMALL, "phases.pretrain-d=null", out=tmp_path / "run", reward=short, controls=False)
    assert list(result.columns) == ["pretrain-g", "adversarial"]
    assert "reward:\n  name: short" in (tmp_path / "run/recipe.yaml").read_text()


def test_a_scorer_is_registered_under_its_name() -> None:
    @textgan.scorer("brief")
    def function(texts: list[str]) -> list[float]:
        """Prefers short texts."""
        return [-len(text) for text in texts]

    (component,) = [c for c in textgan.core.registry.components("reward") if c.name == "brief"]
    assert component.load().__doc__ == "Prefers short texts."
    assert function(["ab"]) == [-2], "the function itself is unchanged"


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        (lambda texts: None, "returned None; expected a list of one number for each"),
        ("constant", "reward='constant': not a function with a name"),
    ],
)
def test_a_reward_that_is_not_a_scorer_is_refused(reward: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        textgan.run("seqgan", *SMALL, "phases.pretrain-d=null", out=tmp_path / "run", reward=reward, controls=False)
