from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.compare.execution import worker
from textgan.compare.execution.worker import ProgressFile, main
from textgan.recipe import Recipe
from textgan.runs import runner
from textgan.runs.cost import COUNTS
from textgan.runs.signals import Stopped

SMALL = Settings(seeds=1, temperatures=(0.7, 1.0), samples=20)


@pytest.fixture
def plan(recipes: list[Recipe], tmp_path: Path) -> Plan:
    return make_plan(recipes, SMALL, tmp_path / "out")


def test_a_job_is_run_and_measured(plan: Plan) -> None:
    assert main([str(plan.folder), "one", "0"]) == 0
    assert main([str(plan.folder), "one: start", "0"]) == 0
    measured = {name: json.loads((plan.home(name, 0) / "measured.json").read_text()) for name in ("one", "one: start")}
    assert [p["temperature"] for p in measured["one"]["points"]] == [0.7, 1.0]
    assert measured["one"]["texts"]
    assert measured["one"]["points"] != measured["one: start"]["points"]
    assert any("hyps:20|" in text for text in measured["one"]["signatures"]), "the number of samples of this comparison"
    start = plan.home("one: start", 0) / "run/model/generator.safetensors"
    shared = plan.home("one", 0) / "run/checkpoints/000006/weights.safetensors"
    model, checkpoint = load_file(start), load_file(shared)
    assert all(torch.equal(value, checkpoint[f"generator.{key}"]) for key, value in model.items())
    assert main([str(plan.folder), "one: best of 4", "0"]) == 0
    chosen = json.loads((plan.home("one: best of 4", 0) / "measured.json").read_text())
    assert "nll_test" not in chosen["points"][0], "selected samples do not follow the generator's distribution"
    assert "bleu4" in chosen["points"][0]


def test_every_method_has_the_same_budget_after_its_start(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(1, (1.0,), 20, budget={"updates": 5}), tmp_path / "out")
    for name in ("one", "one: start", "one: continued", "one: constant", "two"):
        assert main([str(plan.folder), name, "0"]) == 0
    cost = {m.name: _cost_of(plan, m.name) for m in plan.methods if plan.home(m.name, 0).exists()}
    assert {name: found["after"]["generator_updates"] for name, found in cost.items()} == {
        "one": 5,
        "one: start": 0,
        "one: continued": 5,
        "one: constant": 5,
        "two": 5,
    }
    assert {found["start"]["generator_updates"] for found in cost.values()} == {6}, "a shared start counts for each"
    assert cost["one"]["after"]["other_updates"] == 1 + 5
    assert cost["one: continued"]["after"]["tokens_generated"] == 0


def _cost_of(plan: Plan, name: str) -> Mapping[str, Mapping[str, float]]:
    found: Mapping[str, Mapping[str, float]] = json.loads((plan.home(name, 0) / "measured.json").read_text())["cost"]
    return found


def test_the_reason_of_a_failure_is_saved(plan: Plan) -> None:
    recipe = plan.folder / "recipes" / plan.method("one").recipe
    recipe.write_text(recipe.read_text().replace("hidden_dim: 4", "hidden_dim: none"))
    assert main([str(plan.folder), "one", "0"]) == 1
    assert "hidden_dim" in json.loads((plan.home("one", 0) / "failed.json").read_text())["reason"]


def test_a_missing_plugin_is_a_failure_with_a_reason(plan: Plan, tmp_path: Path) -> None:
    assert main([str(plan.folder), "one", "0", str(tmp_path / "missing.py")]) == 1
    assert "missing.py" in json.loads((plan.home("one", 0) / "failed.json").read_text())["reason"]


def test_a_new_attempt_removes_the_old_reason(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    home = plan.home("one", 0)
    home.mkdir(parents=True)
    (home / "failed.json").write_text('{"reason": "out of memory"}')

    def stop(*_: object) -> None:
        raise Stopped(signal.SIGTERM)

    monkeypatch.setattr(runner, "branch", stop)
    assert main([str(plan.folder), "one", "0"]) == 128 + signal.SIGTERM
    assert not (home / "failed.json").exists()
    assert not (home / "measured.json").exists(), "a stopped run is not measured"


def test_cost_is_summed_before_and_after_the_start(plan: Plan, tmp_path: Path) -> None:
    assert set(worker._cost(tmp_path, plan.method("one"))) == {"start", "after"}
    assert set(worker._cost(tmp_path, plan.method("one"))["after"].values()) == {0}, "nothing was trained"
    (tmp_path / "run").mkdir()
    phases = {name: dict.fromkeys(COUNTS, n) for name, n in (("pretrain-g", 1), ("pretrain-d", 2), ("adversarial", 4))}
    (tmp_path / "run/cost.json").write_text(json.dumps(phases))
    cost = worker._cost(tmp_path, plan.method("one"))
    assert cost == {"start": dict.fromkeys(COUNTS, 1), "after": dict.fromkeys(COUNTS, 6)}


def _result(global_round: int, budget: float = 0.0) -> Any:
    return SimpleNamespace(
        progress=SimpleNamespace(global_round=global_round), phase=SimpleNamespace(name="adversarial"), budget=budget
    )


def test_progress_is_written_at_most_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    reporter = ProgressFile(tmp_path, 9)
    reporter.on_round_end(_result(1))
    reporter.on_round_end(_result(2))
    file = tmp_path / "progress.json"
    assert json.loads(file.read_text()) == {"done": 1, "of": 9, "phase": "adversarial"}
    now[0] += 1.5
    reporter.on_round_end(_result(3))
    assert json.loads(file.read_text())["done"] == 3


def test_progress_under_a_budget_is_a_percentage(tmp_path: Path) -> None:
    ProgressFile(tmp_path, 9).on_round_end(_result(5, budget=1.2))
    assert json.loads((tmp_path / "progress.json").read_text()) == {"done": 100, "of": 100, "phase": "adversarial"}
