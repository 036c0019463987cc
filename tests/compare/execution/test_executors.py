"""Tests use submitit's local executor instead of a cluster, and fake executors for failures."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from textgan.compare.design.plan import Plan, Settings, make_plan
from textgan.compare.execution import executors
from textgan.compare.execution.executors import EXECUTORS, STOPPED, Cluster, Processes
from textgan.compare.execution.jobs import Job, run_all
from textgan.core.errors import UserError
from textgan.recipe import Recipe
from textgan.runs.signals import Stopped

SMALL = Settings(seeds=1, temperatures=(1.0,), samples=20)


@pytest.fixture
def plan(recipes: list[Recipe], tmp_path: Path) -> Plan:
    """Returns a plan with a method and another one that starts at its checkpoint."""
    whole = make_plan(recipes, SMALL, tmp_path / "out")
    return Plan(whole.folder, whole.methods[:2], whole.settings, whole.origins)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_runs_the_plan_in_order(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    cluster = EXECUTORS["local"](2, plan.folder / "cluster", {"timeout_min": 5})
    seen: list[tuple[str, ...]] = []
    found = run_all(plan, 2, lambda jobs: seen.append(tuple(job.state for job in jobs)), executor=cluster)
    assert [job.state for job in found] == ["done", "done"]
    assert seen[1][1] == "waiting", "the checkpoint at which it starts does not exist yet"
    measured = json.loads((plan.home("one: start", 0) / "measured.json").read_text())
    assert measured["cost"]["start"]["generator_updates"] == 6
    assert list((plan.folder / "cluster").glob("*_result.pkl"))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_failures_on_a_cluster_are_reported(plan: Plan) -> None:
    pytest.importorskip("submitit")
    (plan.folder / "recipes" / plan.methods[0].recipe).write_text("nonsense: 1\n")
    found = run_all(plan, 2, lambda jobs: None, executor=Cluster("local", plan.folder / "cluster", {}))
    assert "nonsense" in found[0].reason
    assert found[1].reason == "it requires one, which failed"


class FakeJob:
    """Imitates a submitit job: done or not, with a result or an error."""

    def __init__(self, result: int | Exception | None) -> None:
        self.outcome, self.cancelled = result, False

    def done(self) -> bool:
        return self.outcome is not None or self.cancelled

    def result(self) -> int:
        from submitit.core.utils import UncompletedJobError

        if isinstance(self.outcome, int):
            return self.outcome
        raise self.outcome or UncompletedJobError("it was cancelled")

    def cancel(self, check: bool = True) -> None:
        self.cancelled = True


def test_exit_codes_of_submitted_jobs(tmp_path: Path) -> None:
    utils = pytest.importorskip("submitit.core.utils")
    assert executors._Submitted(FakeJob(None), tmp_path / "log").poll() is None
    assert executors._Submitted(FakeJob(0), tmp_path / "log").poll() == 0
    lost = executors._Submitted(FakeJob(utils.FailedJobError("node failure\nout of memory")), tmp_path / "log")
    assert lost.poll() == 1
    assert (tmp_path / "log").read_text().endswith("out of memory\n")
    stopped = executors._Submitted(FakeJob(None), tmp_path / "log")
    stopped.stop()
    assert stopped.poll() in STOPPED, "cancelled on request, so it can be resumed"


def test_a_preempted_job_is_submitted_again(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    work = executors._Work(["folder", "one", "0"], tmp_path)
    again = work.checkpoint()
    assert again.function is work


class Endless:
    """An executor whose runs continue until they are asked to stop."""

    def __init__(self) -> None:
        self.codes: list[int | None] = []

    def start(self, arguments: Sequence[str], home: Path) -> Any:
        index, codes = len(self.codes), self.codes
        codes.append(None)

        class Task:
            def poll(self) -> int | None:
                return codes[index]

            def stop(self) -> None:
                codes[index] = STOPPED[0]

            def kill(self) -> None:
                raise AssertionError("a run that stopped on request must not be killed")

        return Task()


def test_a_signal_stops_the_runs_of_any_executor(plan: Plan) -> None:
    endless = Endless()
    seen: list[list[Job]] = []
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        run_all(plan, 2, seen.append, executor=endless)
    assert endless.codes == [STOPPED[0]]
    assert time.monotonic() - started < 10
    assert seen[-1][0].state == "waiting"


class Instant:
    """An executor whose runs end at once and create the files that others require, or none."""

    def __init__(self, creates_files: bool) -> None:
        self.creates_files, self.started = creates_files, list[str]()

    def start(self, arguments: Sequence[str], home: Path) -> Any:
        self.started.append(arguments[1])
        if self.creates_files:
            (home / "run/checkpoints/000006").mkdir(parents=True)
            (home / "run/model").mkdir()

        class Task:
            def poll(self) -> int | None:
                return 0

            def stop(self) -> None: ...

            def kill(self) -> None: ...

        return Task()


def test_a_job_waits_for_all_its_requirements(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, SMALL, tmp_path / "out")
    instant = Instant(creates_files=True)
    found = run_all(plan, 1, lambda jobs: None, executor=instant)
    assert {job.state for job in found} == {"done"}
    order = instant.started
    assert order.index("one: best of 4") > max(order.index("one"), order.index("one: start"))
    assert order.index("two: best of 4") > max(order.index("two"), order.index("one: start"))


def test_a_job_fails_if_its_requirement_cannot_appear(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, SMALL, tmp_path / "out")
    found = {job.method.name: job for job in run_all(plan, 1, lambda jobs: None, executor=Instant(creates_files=False))}
    assert found["one"].state == "done"
    assert found["two"].reason == "one did not save the checkpoint that it requires"
    assert found["one: best of 4"].reason == "it requires one: start, which failed"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda folder: EXECUTORS["none"](1, folder, {"timeout_min": 1}),
            "^--cluster-option=timeout_min=1: no cluster is selected",
        ),
        (lambda folder: Cluster("local", folder, {"nonsense": 1}), "^--cluster=local: rejected by submitit"),
        (lambda folder: Cluster("nowhere", folder, {}), "^--cluster=nowhere: rejected by submitit"),
    ],
)
def test_invalid_cluster_settings_are_rejected(make: Callable[[Path], Any], message: str, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    with pytest.raises(UserError, match=message):
        make(tmp_path)


def test_parallel_runs_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert Processes(3).environment["OMP_NUM_THREADS"] == "2"
    assert Processes(99).environment["OMP_NUM_THREADS"] == "1"


def test_files_in_the_working_directory_do_not_shadow_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch imports `queue` of the standard library."""
    (tmp_path / "queue.py").write_text("open('imported', 'w')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    task = Processes(1).start([str(tmp_path / "missing"), "method", "0"], tmp_path)
    while task.poll() is None:
        time.sleep(0.1)
    assert not (tmp_path / "imported").exists()
    assert "missing" in (tmp_path / executors.LOG).read_text(encoding="utf-8")
