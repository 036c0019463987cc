"""Starts the runs of a comparison: as processes on this machine, or as jobs of a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from textgan.core.errors import UserError

STOPPED = (130, 143)
"""Exit codes of a run that was stopped by a signal, has saved a checkpoint, and can be resumed."""
LOG = "log.txt"
"""File in a run's folder with its standard output and standard error."""


class Task(Protocol):
    """A run that was started."""

    def poll(self) -> int | None:
        """Returns its exit code, or None while it is running."""

    def stop(self) -> None:
        """Asks it to save a checkpoint and exit."""

    def kill(self) -> None:
        """Ends it immediately; on a cluster, requests this."""


class Executor(Protocol):
    """Starts runs; each calls `textgan.compare.execution.worker.main`."""

    def start(self, arguments: Sequence[str], home: Path) -> Task:
        """Starts a run.

        Args:
            arguments: arguments of `textgan.compare.execution.worker.main`.
            home: the run's folder, which must exist; the log is written to it.
        """


class Processes:
    """Starts processes on this machine.

    Args:
        workers: number of parallel runs; the threads of each are its share of the processors.
    """

    def __init__(self, workers: int) -> None:
        threads = max(1, (os.cpu_count() or 1) // workers)
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}

    def start(self, arguments: Sequence[str], home: Path) -> Task:
        # -P: without it, a queue.py or random.py in the working directory would shadow the standard library.
        command = [sys.executable, "-P", "-m", "textgan.compare.execution.worker", *arguments]
        with (home / LOG).open("ab") as log:
            return _Process(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                    start_new_session=True,
                )
            )


class _Process:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def poll(self) -> int | None:
        return self.process.poll()

    def stop(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


class Cluster:
    """Starts jobs of a cluster, with submitit.

    Args:
        cluster: submitit's name of the cluster type, "slurm" or "local".
        folder: folder of submitit's scripts and logs; its path must be the same on all machines.
        options: options of submitit, such as {"timeout_min": 240, "slurm_partition": "gpu"}.

    Raises:
        UserError: if submitit is not installed, or it rejects the cluster or an option.
    """

    def __init__(self, cluster: str, folder: Path, options: Mapping[str, Any]) -> None:
        try:
            import submitit
        except ImportError:
            raise UserError(
                f"--cluster={cluster}: submitit is not installed; expected it for runs on a cluster; "
                "pip install 'textgan[cluster]'"
            ) from None
        try:
            self.executor = submitit.AutoExecutor(folder=folder.resolve(), cluster=cluster)
            self.executor.update_parameters(**{"timeout_min": 24 * 60, "name": "textgan", **options})
        except (RuntimeError, NameError, TypeError, ValueError, AssertionError) as error:
            raise UserError(
                f"--cluster={cluster}: rejected by submitit ({error}); expected an available cluster and its options; "
                "check --cluster-option"
            ) from error

    def start(self, arguments: Sequence[str], home: Path) -> Task:
        return _Submitted(self.executor.submit(_Work(arguments, Path.cwd())), home / LOG)


class _Work:
    """The function that submitit runs.

    After a preemption or a timeout it is submitted again, and the run resumes at its last checkpoint.

    Args:
        arguments: arguments of the worker.
        directory: working directory of the worker.
    """

    def __init__(self, arguments: Sequence[str], directory: Path) -> None:
        self.arguments, self.directory = list(arguments), directory

    def __call__(self) -> int:
        from textgan.compare.execution.worker import main

        os.chdir(self.directory)
        return main(self.arguments)

    def checkpoint(self) -> Any:
        """Returns the job to submit after a preemption; submitit calls this."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class _Submitted:
    """A submitted job. A job that was cancelled on request counts as stopped, so that it can be resumed."""

    def __init__(self, job: Any, log: Path) -> None:
        self.job, self.log, self.cancelled = job, log, False

    def poll(self) -> int | None:
        if not self.job.done():
            return None
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            return int(self.job.result())
        except (FailedJobError, UncompletedJobError) as error:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"{error}\n")
            return STOPPED[0] if self.cancelled else 1

    def stop(self) -> None:
        self.cancelled = True
        self.job.cancel()

    def kill(self) -> None:
        self.job.cancel(check=False)


def processes(workers: int, folder: Path, options: Mapping[str, Any]) -> Executor:
    """Returns the executor for this machine. It uses no folder and accepts no options."""
    if options:
        key, value = next(iter(options.items()))
        raise UserError(
            f"--cluster-option={key}={value}: no cluster is selected; expected --cluster=slurm or --cluster=local; "
            "add one of them"
        )
    return Processes(workers)


def on_cluster(name: str) -> Callable[[int, Path, Mapping[str, Any]], Executor]:
    """Returns a factory of executors for a cluster. The cluster schedules the jobs; `run_all` limits their number."""
    return lambda workers, folder, options: Cluster(name, folder, options)


EXECUTORS: Mapping[str, Callable[[int, Path, Mapping[str, Any]], Executor]] = {
    "none": processes,
    "local": on_cluster("local"),
    "slurm": on_cluster("slurm"),
}
"""Values of `--cluster`, with a factory of the executor: (workers, folder, options) -> executor."""
