"""Schedules the runs of a comparison: up to a number of parallel runs, each started once its requirements exist."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from textgan.compare.design.plan import FAILED, MEASURED, PROGRESS, Method, Plan
from textgan.compare.execution.executors import LOG, STOPPED, Executor, Processes, Task
from textgan.runs.signals import Stopped, StopRequest

State = Literal["waiting", "running", "done", "failed"]
PAUSE = 0.2
"""Seconds between two checks of the runs."""


@dataclass
class Job:
    """A run of one method with one seed.

    Args:
        method: the method.
        seed: the seed.
        home: the run's folder.
        state: "waiting" until its requirements exist and a worker is free, then "running", then "done" or "failed".
        reason: why it failed.
        progress: rounds done and rounds in total; (0, 0) if unknown.
        task: the started run.
        stop_requested: whether it was asked to stop. A second request would interrupt it in the middle of a round.
    """

    method: Method
    seed: int
    home: Path
    state: State = "waiting"
    reason: str = ""
    progress: tuple[int, int] = (0, 0)
    task: Task | None = None
    stop_requested: bool = False


def run_all(
    plan: Plan,
    workers: int,
    changed: Callable[[list[Job]], None],
    plugins: Sequence[Path] = (),
    executor: Executor | None = None,
) -> list[Job]:
    """Runs all jobs that are not done yet. A failed job fails only the jobs that require it.

    Args:
        plan: the plan of the comparison.
        workers: number of parallel runs.
        changed: called with all jobs at every check of the runs, to show their progress.
        plugins: Python files that each run executes first.
        executor: starts the runs; by default, as processes on this machine.

    Returns:
        All jobs, each "done" or "failed".

    Raises:
        Stopped: on a signal, once all runs have saved a checkpoint and exited.
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
                    _start(plan, jobs, workers, executor, plugins, request)
                elif not any(job.state == "running" for job in jobs):
                    raise Stopped(request.signal)
                else:
                    _stop(jobs)  # the signal may have arrived while a run was being started
                changed(jobs)
                time.sleep(PAUSE)
        finally:
            for job in jobs:
                if job.task is not None and job.task.poll() is None:
                    job.task.kill()
    changed(jobs)
    return jobs


def _start(
    plan: Plan, jobs: list[Job], workers: int, executor: Executor, plugins: Sequence[Path], request: StopRequest
) -> None:
    """Starts jobs whose requirements exist, and fails those whose requirements cannot appear; none after a signal."""
    by_name = {(job.method.name, job.seed): job for job in jobs}
    for job in jobs:
        if job.state != "waiting":
            continue
        others = {name: by_name[name, job.seed].state for name in _required_methods(plan, job)}
        if not _ready(plan, job):
            failed = [name for name, state in others.items() if state == "failed"]
            if failed:
                job.state, job.reason = "failed", f"it requires {failed[0]}, which failed"
            elif others and all(state == "done" for state in others.values()):
                job.state, job.reason = "failed", f"{' and '.join(others)} did not save the checkpoint that it requires"
            continue
        if _running(jobs) < workers and request.signal is None:
            job.home.mkdir(parents=True, exist_ok=True)
            arguments = [str(plan.folder), job.method.name, str(job.seed), *map(str, plugins)]
            job.task = executor.start(arguments, job.home)
            job.state, job.stop_requested = "running", False


def _collect(jobs: list[Job]) -> None:
    """Updates the states of running jobs from the exit codes of their runs."""
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


def _required_methods(plan: Plan, job: Job) -> list[str]:
    """Returns the methods whose runs the job starts from."""
    if job.method.best_of:
        return [job.method.start, job.method.variant]
    return [plan.origins[job.method.name]["method"]] if job.method.name in plan.origins else []


def _ready(plan: Plan, job: Job) -> bool:
    return all(path.exists() for path in plan.requirements(job.method, job.seed))


def _running(jobs: list[Job]) -> int:
    return sum(job.state == "running" for job in jobs)


def _stop(jobs: list[Job]) -> None:
    """Asks all running jobs to stop, each once."""
    for job in jobs:
        if job.task is not None and not job.stop_requested and job.task.poll() is None:
            job.stop_requested = True
            job.task.stop()


def _progress(job: Job) -> tuple[int, int]:
    try:
        progress = json.loads((job.home / PROGRESS).read_text(encoding="utf-8"))
        return progress["done"], progress["of"]
    except (OSError, ValueError):
        return job.progress


def _reason(job: Job, code: int) -> str:
    """Returns the error message of a failed run, or else the last line of its log."""
    try:
        return str(json.loads((job.home / FAILED).read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError):
        log = job.home / LOG
        text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
        lines = text.strip().splitlines()
        return f"exit code {code}: {lines[-1]}" if lines else f"exit code {code}"
