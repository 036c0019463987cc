"""Many runs at once, as many as asked for, each begun as soon as what it needs is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from textgan.compare.design.plan import FAILED, MEASURED, PROGRESS, Method, Plan
from textgan.compare.execution.executors import STOPPED, Executor, Processes, Task
from textgan.runs.signals import Stopped, StopRequest

State = Literal["waiting", "running", "done", "failed"]
PAUSE = 0.2
"""Seconds between looks at the runs."""


@dataclass
class Job:
    """One method with one seed.

    Args:
        reason: why it failed.
        progress: rounds done and rounds in all, as far as known.
    """

    method: Method
    seed: int
    home: Path
    state: State = "waiting"
    reason: str = ""
    progress: tuple[int, int] = (0, 0)
    task: Task | None = None
    asked: bool = False
    """Whether it was asked to stop: asked twice, it would not finish its round."""


def run_all(
    plan: Plan,
    workers: int,
    changed: Callable[[list[Job]], None],
    plugins: Sequence[Path] = (),
    executor: Executor | None = None,
) -> list[Job]:
    """Runs what is not done yet. One that fails does not stop the others; what needs it fails with it.

    A signal is passed on to all of them, which save and end, and is raised as Stopped.

    Args:
        workers: runs at once.
        changed: called with all jobs, again and again, to show how far they are.
        plugins: files that each of them runs first.
        executor: where they run; by default in processes of this machine.
    """
    jobs = [Job(method, seed, plan.home(method.name, seed)) for method, seed in plan.jobs()]
    for job in jobs:
        if (job.home / MEASURED).is_file():
            job.state = "done"
    executor = executor or Processes(workers)
    changed(jobs)
    with StopRequest(lambda: _stop(jobs)) as request:
        try:
            while any(job.state in ("waiting", "running") for job in jobs):
                _collect(jobs)
                if request.signal is None:
                    _begin(plan, jobs, workers, executor, plugins, request)
                elif not any(job.state == "running" for job in jobs):
                    raise Stopped(request.signal)
                else:
                    _stop(jobs)  # the signal may have come while one of them was being started
                changed(jobs)
                time.sleep(PAUSE)
        finally:
            for job in jobs:
                if job.task is not None and job.task.poll() is None:
                    job.task.kill()
    changed(jobs)
    return jobs


def _begin(
    plan: Plan, jobs: list[Job], workers: int, executor: Executor, plugins: Sequence[Path], request: StopRequest
) -> None:
    """Starts what may start, until it is asked to stop; fails what never can."""
    by_name = {(job.method.name, job.seed): job for job in jobs}
    for job in jobs:
        if job.state != "waiting":
            continue
        others = {name: by_name[name, job.seed].state for name in _needed(plan, job)}
        if not _there(plan, job):
            lost = [name for name, state in others.items() if state == "failed"]
            if lost:
                job.state, job.reason = "failed", f"{lost[0]} failed, which it needs"
            elif others and all(state == "done" for state in others.values()):
                job.state, job.reason = "failed", f"{' and '.join(others)} left no checkpoint that it needs"
            continue
        if _running(jobs) < workers and request.signal is None:
            job.home.mkdir(parents=True, exist_ok=True)
            asked = [str(plan.folder), job.method.name, str(job.seed), *map(str, plugins)]
            job.task = executor.start(asked, job.home)
            job.state, job.asked = "running", False


def _collect(jobs: list[Job]) -> None:
    for job in jobs:
        if job.state != "running" or job.task is None:
            continue
        code = job.task.poll()
        if code is None:
            job.progress = _progress(job)
        elif code == 0:
            job.state = "done"
        elif code in STOPPED:
            job.state = "waiting"
        else:
            job.state, job.reason = "failed", _reason(job, code)


def _needed(plan: Plan, job: Job) -> list[str]:
    if job.method.best_of:
        return [job.method.start, job.method.variant]
    return [plan.origins[job.method.name]["method"]] if job.method.name in plan.origins else []


def _there(plan: Plan, job: Job) -> bool:
    return all(path.exists() for path in plan.requirements(job.method, job.seed))


def _running(jobs: list[Job]) -> int:
    return sum(job.state == "running" for job in jobs)


def _stop(jobs: list[Job]) -> None:
    for job in jobs:
        if job.task is not None and not job.asked and job.task.poll() is None:
            job.asked = True
            job.task.stop()


def _progress(job: Job) -> tuple[int, int]:
    try:
        told = json.loads((job.home / PROGRESS).read_text(encoding="utf-8"))
        return told["done"], told["of"]
    except (OSError, ValueError):
        return job.progress


def _reason(job: Job, code: int) -> str:
    """Its own sentence, or the last line that it wrote."""
    try:
        return str(json.loads((job.home / FAILED).read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError):
        log = job.home / "log.txt"
        text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        lines = text.strip().splitlines()
        return f"exit code {code}: {lines[-1]}" if lines else f"exit code {code}"
