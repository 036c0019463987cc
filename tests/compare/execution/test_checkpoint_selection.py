"""Validation chooses; what stands in the test split makes no difference to the choice."""

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
from textgan.compare.execution.checkpoint_selection import choose, leads
from textgan.compare.execution.worker import main
from textgan.compare.reporting.report import write
from textgan.core.errors import UserError
from textgan.data.corpus import Split
from textgan.recipe import Recipe
from textgan.runs import runner
from textgan.runs.builder import Run
from textgan.runs.run_dir import RunDir

SETTINGS = Settings(seeds=1, temperatures=(0.7, 1.0), samples=20, choose=True)
AFTER = frozenset({"pretrain-d", "adversarial"})


@pytest.fixture
def often(recipes: list[Recipe]) -> list[Recipe]:
    changes = {"phases": {"adversarial": {"steps": 4, "evaluate": 1}}, "checkpoint": {"minutes": 0, "keep": 1}}
    return [recipe.changed(recipe.name, changes) for recipe in recipes]


@pytest.fixture
def run(often: list[Recipe], tmp_path: Path) -> tuple[Run, RunDir]:
    trained = runner.branch(often[0], tmp_path / "run", None, kept=AFTER)
    return trained, RunDir(tmp_path / "run")


def points(quality: float, diversity: float = 0.0) -> list[dict[str, float]]:
    return list(curve(quality, diversity)(0))  # type: ignore[arg-type]


def test_a_lead_is_at_equal_diversity() -> None:
    better, worse = leads([points(0.2), points(0.1)], "bleu4", "self_bleu4")
    assert (better, worse) == (pytest.approx(0.1), pytest.approx(-0.1))
    narrow = points(0.2, diversity=-5.0)
    assert leads([narrow, points(0.1)], "bleu4", "self_bleu4") == [0, 0], "better and less diverse is no lead"
    assert leads([points(0.2)], "bleu4", "self_bleu4") == [0]


def test_all_evaluations_behind_the_start_are_kept(run: tuple[Run, RunDir]) -> None:
    names = [int(path.name) for path in run[1].saved()]
    assert {8, 9, 10, 11} <= set(names)
    assert 6 in names, "the end of a phase"


def measured_as(monkeypatch: pytest.MonkeyPatch, worth: dict[int, float], folder: RunDir) -> list[Any]:
    """Measures a checkpoint by a table, told apart by its weights; notes the corpus that it is asked about."""
    states = {
        index: load_file(folder.checkpoint(index) / "weights.safetensors")["generator.embedding.weight"]
        for index in worth
    }
    asked: list[Any] = []

    def sweep(generator: Any, corpus: Any, *_: Any) -> dict[str, Any]:
        asked.append(corpus)
        own = generator.state_dict()["embedding.weight"]
        (index,) = (i for i, state in states.items() if torch.equal(own, state))
        return {"points": points(worth[index])}

    monkeypatch.setattr(choosing, "sweep", sweep)
    return asked


def test_the_best_on_validation_is_taken(run: tuple[Run, RunDir], monkeypatch: pytest.MonkeyPatch) -> None:
    trained, folder = run
    asked = measured_as(monkeypatch, {8: 0.1, 9: 0.3, 10: 0.2, 11: 0.0}, folder)
    found = choose(trained, folder, 6, SETTINGS, 0)
    assert (found["index"], found["of"]) == (9, [8, 9, 10, 11])
    assert all(corpus.test is trained.corpus.validation for corpus in asked)
    wanted = load_file(folder.checkpoint(9) / "weights.safetensors")
    saved = load_file(folder.model / "generator.safetensors")
    assert all(torch.equal(value, wanted[f"generator.{key}"]) for key, value in saved.items())
    assert torch.equal(trained.generator.state_dict()["embedding.weight"], wanted["generator.embedding.weight"])


def test_where_nothing_decides_it_is_the_last(run: tuple[Run, RunDir], monkeypatch: pytest.MonkeyPatch) -> None:
    measured_as(monkeypatch, dict.fromkeys((8, 9, 10, 11), 0.1), run[1])
    assert choose(*run, 6, SETTINGS, 0)["index"] == 11


def test_test_text_has_no_say(run: tuple[Run, RunDir]) -> None:
    trained, folder = run
    found = choose(trained, folder, 6, SETTINGS, 0)
    other = Split(trained.corpus.train.batch[:20], trained.corpus.train.texts[:20])
    trained.corpus = replace(trained.corpus, test=other)
    assert choose(trained, folder, 6, SETTINGS, 0) == found


def test_without_validation_text_it_says_so(run: tuple[Run, RunDir]) -> None:
    trained, folder = run
    trained.corpus = replace(trained.corpus, validation=Split(trained.corpus.test.batch[:0], ()))
    with pytest.raises(UserError, match="validation text"):
        choose(trained, folder, 6, SETTINGS, 0)


def test_the_choice_is_told(often: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(often, SETTINGS, tmp_path / "out")
    for name in ("one", "one: start"):
        assert main([str(plan.folder), name, "0"]) == 0
    told = {n: json.loads((plan.home(n, 0) / "measured.json").read_text())["chosen"] for n in ("one", "one: start")}
    assert told["one"]["index"] in told["one"]["of"] == [8, 9, 10, 11]
    assert told["one: start"] == {}, "everybody begins at its end"
    few = replace_methods(plan, ("one", "one: start"))
    page = write(results(few))
    assert "Checkpoints that validation chose" in page.read_text()
    document = json.loads((plan.folder / "results.json").read_text())
    assert document["methods"]["one"]["0"]["chosen"]["index"] == told["one"]["index"]


def replace_methods(plan: Plan, names: tuple[str, ...]) -> Plan:
    return replace(plan, methods=[method for method in plan.methods if method.name in names])


def test_a_page_without_a_choice_has_no_table_of_it(planted: Callable[..., Plan]) -> None:
    page = write(results(planted({"one": curve(0.1), "two": curve(0.0)}, seeds=2)))
    assert "validation chose" not in page.read_text()
