"""The same plan elsewhere: submitit's local executor stands for the cluster, a planted one for what may go wrong."""

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
    """One method, and one that sets out from it."""
    whole = make_plan(recipes, SMALL, tmp_path / "out")
    return Plan(whole.folder, whole.methods[:2], whole.settings, whole.origins)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_cluster_runs_the_plan_in_its_order(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    cluster = EXECUTORS["local"](2, plan.folder / "cluster", {"timeout_min": 5})
    seen: list[tuple[str, ...]] = []
    found = run_all(plan, 2, lambda jobs: seen.append(tuple(job.state for job in jobs)), executor=cluster)
    assert [job.state for job in found] == ["done", "done"]
    assert seen[1][1] == "waiting", "its beginning is not there yet"
    measured = json.loads((plan.home("one: start", 0) / "measured.json").read_text())
    assert measured["cost"]["start"]["steps"] == 6
    assert list((plan.folder / "cluster").glob("*_result.pkl"))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_a_cluster_says_of_a_failure_is_told(plan: Plan) -> None:
    pytest.importorskip("submitit")
    (plan.folder / "recipes" / plan.methods[0].recipe).write_text("nonsense: 1\n")
    found = run_all(plan, 2, lambda jobs: None, executor=Cluster("local", plan.folder / "cluster", {}))
    assert "nonsense" in found[0].reason
    assert found[1].reason == "one failed, which it needs"


class FakeJob:
    """As submitit's jobs are: done or not, with a result or an error."""

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


def test_codes_of_jobs(tmp_path: Path) -> None:
    utils = pytest.importorskip("submitit.core.utils")
    assert executors._Submitted(FakeJob(None), tmp_path / "log").poll() is None
    assert executors._Submitted(FakeJob(0), tmp_path / "log").poll() == 0
    lost = executors._Submitted(FakeJob(utils.FailedJobError("node failure\nout of memory")), tmp_path / "log")
    assert lost.poll() == 1
    assert (tmp_path / "log").read_text().endswith("out of memory\n")
    stopped = executors._Submitted(FakeJob(None), tmp_path / "log")
    stopped.stop()
    assert stopped.poll() in STOPPED, "cancelled by us: to be gone on with"


def test_what_is_preempted_is_sent_again_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    work = executors._Work(["folder", "one", "0"], tmp_path)
    again = work.checkpoint()
    assert again.function is work


class Held:
    """An executor whose runs go on until they are asked to stop."""

    def __init__(self) -> None:
        self.codes: list[int | None] = []

    def start(self, arguments: Sequence[str], home: Path) -> Any:
        place, codes = len(self.codes), self.codes
        codes.append(None)

        class Task:
            def poll(self) -> int | None:
                return codes[place]

            def stop(self) -> None:
                codes[place] = STOPPED[0]

            def kill(self) -> None:
                raise AssertionError("it had stopped by itself")

        return Task()


def test_a_signal_stops_them_wherever_they_run(plan: Plan) -> None:
    held = Held()
    told: list[list[Job]] = []
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        run_all(plan, 2, told.append, executor=held)
    assert held.codes == [STOPPED[0]]
    assert time.monotonic() - began < 10
    assert told[-1][0].state == "waiting"


class Instant:
    """Runs that end at once, each leaving what others may need of it, or nothing."""

    def __init__(self, leaves: bool) -> None:
        self.leaves, self.begun = leaves, list[str]()

    def start(self, arguments: Sequence[str], home: Path) -> Any:
        self.begun.append(arguments[1])
        if self.leaves:
            (home / "run/checkpoints/000006").mkdir(parents=True)
            (home / "run/model").mkdir()

        class Task:
            def poll(self) -> int | None:
                return 0

            def stop(self) -> None: ...

            def kill(self) -> None: ...

        return Task()


def test_what_needs_two_waits_for_both(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, SMALL, tmp_path / "out")
    instant = Instant(leaves=True)
    found = run_all(plan, 1, lambda jobs: None, executor=instant)
    assert {job.state for job in found} == {"done"}
    order = instant.begun
    assert order.index("one: best of 4") > max(order.index("one"), order.index("one: start"))
    assert order.index("two: best of 4") > max(order.index("two"), order.index("one: start"))


def test_a_run_that_leaves_nothing_is_not_waited_for(recipes: list[Recipe], tmp_path: Path) -> None:
    plan = make_plan(recipes, SMALL, tmp_path / "out")
    found = {job.method.name: job for job in run_all(plan, 1, lambda jobs: None, executor=Instant(leaves=False))}
    assert found["one"].state == "done"
    assert found["two"].reason == "one left no checkpoint that it needs"
    assert found["one: best of 4"].reason == "one: start failed, which it needs"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: EXECUTORS["none"](1, folder, {"timeout_min": 1}), "needs --cluster"),
        (lambda folder: Cluster("local", folder, {"nonsense": 1}), "--cluster local"),
        (lambda folder: Cluster("nowhere", folder, {}), "--cluster nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[Path], Any], told: str, tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    with pytest.raises(UserError, match=told):
        make(tmp_path)


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert Processes(3).environment["OMP_NUM_THREADS"] == "2"
    assert Processes(99).environment["OMP_NUM_THREADS"] == "1"


def test_no_file_of_the_users_is_taken_for_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`queue` is Python's own, and PyTorch imports it."""
    (tmp_path / "queue.py").write_text("open('read', 'w')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    task = Processes(1).start([str(tmp_path / "nowhere"), "method", "0"], tmp_path)
    while task.poll() is None:
        time.sleep(0.1)
    assert not (tmp_path / "read").exists()
    assert "nowhere" in (tmp_path / executors.LOG).read_text(encoding="utf-8")
