from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support.planting import curve

from textgan.compare.analysis.results import results
from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.compare.execution import checkpoint_selection
from textgan.compare.execution.checkpoint_selection import mean_leads, select_checkpoint
from textgan.compare.execution.worker import main
from textgan.compare.reporting.report import write
from textgan.core.errors import UserError
from textgan.data.corpus import Split
from textgan.recipe import Recipe
from textgan.runs import runner
from textgan.runs.builder import Run
from textgan.runs.run_dir import RunDir

SETTINGS = Settings(seeds=1, temperatures=(0.7, 1.0), samples=20, select_checkpoint=True)
AFTER = frozenset({"pretrain-d", "adversarial"})


@pytest.fixture
def frequently_evaluated(recipes: list[Recipe]) -> list[Recipe]:
    changes = {"phases": {"adversarial": {"rounds": 4, "evaluate": 1}}, "checkpoint": {"minutes": 0, "keep": 1}}
    return [recipe.changed(recipe.name, changes) for recipe in recipes]


@pytest.fixture
def run(frequently_evaluated: list[Recipe], tmp_path: Path) -> tuple[Run, RunDir]:
    trained = runner.branch(frequently_evaluated[0], tmp_path / "run", None, kept=AFTER)
    return trained, RunDir(tmp_path / "run")


def points(quality: float, diversity: float = 0.0) -> list[dict[str, float]]:
    return list(curve(quality, diversity)(0))  # type: ignore[arg-type]


def test_leads_are_computed_at_equal_diversity() -> None:
    better, worse = mean_leads([points(0.2), points(0.1)], "bleu4", "self_bleu4")
    assert (better, worse) == (pytest.approx(0.1), pytest.approx(-0.1))
    narrow = points(0.2, diversity=-5.0)
    assert mean_leads([narrow, points(0.1)], "bleu4", "self_bleu4") == [0, 0], "better but less diverse is not a lead"
    assert mean_leads([points(0.2)], "bleu4", "self_bleu4") == [0]


def test_checkpoints_of_all_evaluations_after_the_start_are_kept(run: tuple[Run, RunDir]) -> None:
    names = [int(path.name) for path in run[1].saved()]
    assert {8, 9, 10, 11} <= set(names)
    assert 6 in names, "the end of a phase"


def fake_measurements(monkeypatch: pytest.MonkeyPatch, quality: dict[int, float], folder: RunDir) -> list[Any]:
    """Replaces `sweep`: looks up the quality of a checkpoint, identified by its weights. Returns the corpora passed."""
    states = {
        index: load_file(folder.checkpoint(index) / "weights.safetensors")["generator.embedding.weight"]
        for index in quality
    }
    corpora: list[Any] = []

    def sweep(generator: Any, corpus: Any, *_: Any) -> dict[str, Any]:
        corpora.append(corpus)
        own = generator.state_dict()["embedding.weight"]
        (index,) = (i for i, state in states.items() if torch.equal(own, state))
        return {"points": points(quality[index])}

    monkeypatch.setattr(checkpoint_selection, "sweep", sweep)
    return corpora


def test_the_best_checkpoint_on_validation_text_is_selected(
    run: tuple[Run, RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, folder = run
    corpora = fake_measurements(monkeypatch, {8: 0.1, 9: 0.3, 10: 0.2, 11: 0.0}, folder)
    found = select_checkpoint(trained, folder, 6, SETTINGS, 0)
    assert (found["global_round"], found["of"]) == (9, [8, 9, 10, 11])
    assert all(corpus.test is trained.corpus.validation for corpus in corpora)
    expected = load_file(folder.checkpoint(9) / "weights.safetensors")
    saved = load_file(folder.model / "generator.safetensors")
    assert all(torch.equal(value, expected[f"generator.{key}"]) for key, value in saved.items())
    assert torch.equal(trained.generator.state_dict()["embedding.weight"], expected["generator.embedding.weight"])


def test_the_last_of_equal_checkpoints_is_selected(run: tuple[Run, RunDir], monkeypatch: pytest.MonkeyPatch) -> None:
    fake_measurements(monkeypatch, dict.fromkeys((8, 9, 10, 11), 0.1), run[1])
    assert select_checkpoint(*run, 6, SETTINGS, 0)["global_round"] == 11


def test_test_text_does_not_influence_the_selection(run: tuple[Run, RunDir]) -> None:
    trained, folder = run
    found = select_checkpoint(trained, folder, 6, SETTINGS, 0)
    other = Split(trained.corpus.train.batch[:20], trained.corpus.train.texts[:20])
    trained.corpus = replace(trained.corpus, test=other)
    assert select_checkpoint(trained, folder, 6, SETTINGS, 0) == found


def test_missing_validation_text_is_reported(run: tuple[Run, RunDir]) -> None:
    trained, folder = run
    trained.corpus = replace(trained.corpus, validation=Split(trained.corpus.test.batch[:0], ()))
    with pytest.raises(UserError, match=r"^--select-checkpoint: the data has no validation text"):
        select_checkpoint(trained, folder, 6, SETTINGS, 0)


def test_the_selected_checkpoint_is_reported(frequently_evaluated: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(frequently_evaluated, SETTINGS, tmp_path / "out")
    for name in ("one", "one: start"):
        assert main([str(plan.folder), name, "0"]) == 0
    chosen = {n: json.loads((plan.home(n, 0) / "measured.json").read_text())["chosen"] for n in ("one", "one: start")}
    assert chosen["one"]["global_round"] in chosen["one"]["of"] == [8, 9, 10, 11]
    assert chosen["one: start"] == {}, "other runs start at its last checkpoint"
    few = replace_methods(plan, ("one", "one: start"))
    page = write(results(few))
    assert "Selected checkpoints" in page.read_text()
    document = json.loads((plan.folder / "results.json").read_text())
    assert document["methods"]["one"]["0"]["chosen"]["global_round"] == chosen["one"]["global_round"]


def replace_methods(plan: Plan, names: tuple[str, ...]) -> Plan:
    return replace(plan, methods=[method for method in plan.methods if method.name in names])


def test_a_report_without_selection_has_no_table_of_it(planted: Callable[..., Plan]) -> None:
    page = write(results(planted({"one": curve(0.1), "two": curve(0.0)}, seeds=2)))
    assert "Selected checkpoints" not in page.read_text()
