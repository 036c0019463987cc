from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.compare.execution import executors
from textgan.compare.execution.jobs import Job, run_all
from textgan.recipe import Recipe
from textgan.runs.signals import Stopped

SMALL = Settings(seeds=1, temperatures=(0.7, 1.0), samples=20)


@pytest.fixture
def plan(recipes: list[Recipe], tmp_path: Path) -> Plan:
    return make_plan(recipes, SMALL, tmp_path / "out")


def test_a_failure_fails_only_the_jobs_that_require_it(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "two" is not a valid recipe. All other jobs finish, once; the one that requires "two" fails."""
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
    assert found["two: best of 4"].reason == "it requires two, which failed"
    assert max(states.count("running") for states in seen) == 2

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a finished job is not run again")

    monkeypatch.setattr(executors.subprocess, "Popen", fail)
    recipe.unlink()
    done = [job for job in _run_only_one(plan) if job.state == "done"]
    assert len(done) == 6


def _run_only_one(plan: Plan) -> list[Job]:
    few = Plan(plan.folder, [m for m in plan.methods if m.variant == "one"], plan.settings, plan.origins)
    return run_all(few, 2, lambda jobs: None)


class _FakeTask:
    """A run that continues for some polls, or until it is asked to stop."""

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


def test_a_signal_while_runs_are_started_stops_them_and_starts_none(plan: Plan) -> None:
    stopped: list[int] = []
    started: list[int] = []

    class Interrupted:
        def start(self, arguments: Sequence[str], home: Path) -> _FakeTask:
            started.append(len(started) + 1)
            if len(started) == 2:
                signal.raise_signal(signal.SIGTERM)
            return _FakeTask(stopped, len(started))

    alone = replace(plan, origins={}, methods=[m for m in plan.methods if not m.best_of])
    with pytest.raises(Stopped):
        run_all(alone, 4, lambda jobs: None, executor=Interrupted())  # type: ignore[arg-type]
    assert started == [1, 2]
    assert sorted(stopped) == [1, 2], "each once: a second request would interrupt a round"
