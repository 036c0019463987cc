"""Runs in processes of their own: in order, once, and without sinking each other."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.compare.execution import executors
from textgan.compare.execution.jobs import Job, run_all
from textgan.compare.execution.worker import main
from textgan.recipe import Recipe
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
    assert any("hyps:20|" in text for text in measured["one"]["signatures"]), "as many as were measured here"
    start = plan.home("one: start", 0) / "run/model/generator.safetensors"
    shared = plan.home("one", 0) / "run/checkpoints/000006/weights.safetensors"
    from safetensors.torch import load_file

    ours, theirs = load_file(start), load_file(shared)
    assert all(torch.equal(value, theirs[f"generator.{key}"]) for key, value in ours.items())
    assert main([str(plan.folder), "one: best of 4", "0"]) == 0
    chosen = json.loads((plan.home("one: best of 4", 0) / "measured.json").read_text())
    assert "nll_test" not in chosen["points"][0], "chosen samples are not of the generator's law"
    assert "bleu4" in chosen["points"][0]


def test_a_budget_gives_every_method_the_same_behind_its_start(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, Settings(1, (1.0,), 20, budget={"steps": 5}), tmp_path / "out")
    for name in ("one", "one: start", "one: continued", "one: constant", "two"):
        assert main([str(plan.folder), name, "0"]) == 0
    cost = {m.name: _cost_of(plan, m.name) for m in plan.methods if plan.home(m.name, 0).exists()}
    assert {name: found["after"]["steps"] for name, found in cost.items()} == {
        "one": 5,
        "one: start": 0,
        "one: continued": 5,
        "one: constant": 5,
        "two": 5,
    }
    assert {found["start"]["steps"] for found in cost.values()} == {6}, "a shared start counts for each"
    assert cost["one"]["after"]["other_steps"] == 1 + 5
    assert cost["one: continued"]["after"]["written"] == 0


def _cost_of(plan: Plan, name: str) -> Mapping[str, Mapping[str, float]]:
    found: Mapping[str, Mapping[str, float]] = json.loads((plan.home(name, 0) / "measured.json").read_text())["cost"]
    return found


def test_one_that_fails_says_why(plan: Plan) -> None:
    recipe = plan.folder / "recipes" / plan.method("one").recipe
    recipe.write_text(recipe.read_text().replace("hidden_dim: 4", "hidden_dim: none"))
    assert main([str(plan.folder), "one", "0"]) == 1
    assert "hidden_dim" in json.loads((plan.home("one", 0) / "failed.json").read_text())["reason"]


def test_all_of_it_once_and_failures_alone(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "two" cannot be read; everything else ends, and what needs "two" fails with it."""
    recipe = plan.folder / "recipes" / plan.method("two").recipe
    recipe.write_text("nonsense: 1\n")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    seen: list[list[str]] = []
    found = {job.method.name: job for job in run_all(plan, 2, lambda jobs: seen.append([j.state for j in jobs]))}
    assert {name: job.state for name, job in found.items()} == {
        "one": "done",
        "one: start": "done",
        "one: early": "done",
        "one: continued": "done",
        "one: constant": "done",
        "one: best of 4": "done",
        "two": "failed",
        "two: best of 4": "failed",
    }
    assert "nonsense" in found["two"].reason
    assert found["two: best of 4"].reason == "two failed, which it needs"
    assert max(states.count("running") for states in seen) == 2

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("what is done is not done again")

    monkeypatch.setattr(executors.subprocess, "Popen", refuse)
    recipe.unlink()
    done = [job for job in _only_done(plan) if job.state == "done"]
    assert len(done) == 6


def _only_done(plan: Plan) -> list[Job]:
    few = Plan(plan.folder, [m for m in plan.methods if m.variant == "one"], plan.settings, plan.origins)
    return run_all(few, 2, lambda jobs: None)


class _Pretended:
    """A run that goes on for some looks at it, or until it is asked to stop."""

    def __init__(self, stopped: list[int], number: int) -> None:
        self.stopped, self.number, self.left = stopped, number, 50

    def poll(self) -> int | None:
        self.left -= 1
        return None if self.left > 0 else 0

    def stop(self) -> None:
        self.stopped.append(self.number)
        self.left = 2

    def kill(self) -> None:
        self.left = 0


def test_a_signal_while_runs_are_begun_stops_them_all_and_begins_no_more(plan: Plan) -> None:
    stopped: list[int] = []
    begun: list[int] = []

    class Interrupted:
        def start(self, arguments: Sequence[str], home: Path) -> _Pretended:
            begun.append(len(begun) + 1)
            if len(begun) == 2:
                signal.raise_signal(signal.SIGTERM)
            return _Pretended(stopped, len(begun))

    alone = replace(plan, origins={}, methods=[m for m in plan.methods if not m.best_of])
    with pytest.raises(Stopped):
        run_all(alone, 4, lambda jobs: None, executor=Interrupted())  # type: ignore[arg-type]
    assert begun == [1, 2]
    assert sorted(stopped) == [1, 2], "each once: asked twice, a run does not finish its round"
