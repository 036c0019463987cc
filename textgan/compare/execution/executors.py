"""Where the runs of a comparison are executed: in processes of this machine, or wherever a cluster puts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from textgan.core.errors import UserError

STOPPED = (130, 143)
"""Exit codes of a run that was asked to stop, has saved, and can go on."""
LOG = "log.txt"
"""In a run's folder: what it said beside its results."""


class Task(Protocol):
    """One run that was started."""

    def poll(self) -> int | None:
        """Its exit code, None as long as it goes on."""

    def stop(self) -> None:
        """Asks it to save and end."""

    def kill(self) -> None:
        """Ends it, as far as this lies with us."""


class Executor(Protocol):
    """Starts runs. What each of them does is `textgan.compare.execution.worker.main` with these arguments."""

    def start(self, arguments: Sequence[str], home: Path) -> Task:
        """home: the run's folder, which is there; its log goes into it."""


class Processes:
    """Processes of this machine.

    Args:
        workers: how many run at once: each gets its share of the processors as threads.
    """

    def __init__(self, workers: int) -> None:
        threads = max(1, (os.cpu_count() or 1) // workers)
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}

    def start(self, arguments: Sequence[str], home: Path) -> Task:
        # -P: a user's folder may well hold a queue.py or a random.py, which Python would read as its own.
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
    """Jobs of a cluster, by way of submitit.

    Args:
        cluster: what submitit calls it, "slurm" or "local".
        folder: for its scripts and logs; every machine must see it under the same name.
        options: passed on to it, such as {"timeout_min": 240, "slurm_partition": "gpu"}.

    Raises:
        UserError: if submitit is not installed, or it refuses the cluster or an option.
    """

    def __init__(self, cluster: str, folder: Path, options: Mapping[str, Any]) -> None:
        try:
            import submitit
        except ImportError:
            raise UserError(
                "--cluster needs submitit, which is not installed: pip install 'textgan[cluster]'"
            ) from None
        try:
            self.executor = submitit.AutoExecutor(folder=folder.resolve(), cluster=cluster)
            self.executor.update_parameters(**{"timeout_min": 24 * 60, "name": "textgan", **options})
        except (RuntimeError, NameError, TypeError, ValueError, AssertionError) as error:
            raise UserError(f"--cluster {cluster}: {error}") from error

    def start(self, arguments: Sequence[str], home: Path) -> Task:
        return _Submitted(self.executor.submit(_Work(arguments, Path.cwd())), home / LOG)


class _Work:
    """What is sent to the cluster. Sent again where it was preempted or ran out of time, it goes on where it stood."""

    def __init__(self, arguments: Sequence[str], place: Path) -> None:
        self.arguments, self.place = list(arguments), place

    def __call__(self) -> int:
        from textgan.compare.execution.worker import main

        os.chdir(self.place)
        return main(self.arguments)

    def checkpoint(self) -> Any:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class _Submitted:
    """A job of the cluster. One that was cancelled before it could answer has stopped, and goes on later."""

    def __init__(self, job: Any, log: Path) -> None:
        self.job, self.log, self.asked = job, log, False

    def poll(self) -> int | None:
        if not self.job.done():
            return None
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            return int(self.job.result())
        except (FailedJobError, UncompletedJobError) as error:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"{error}\n")
            return STOPPED[0] if self.asked else 1

    def stop(self) -> None:
        self.asked = True
        self.job.cancel()

    def kill(self) -> None:
        self.job.cancel(check=False)


def processes(workers: int, folder: Path, options: Mapping[str, Any]) -> Executor:
    """Needs no folder and takes no options."""
    if options:
        raise UserError(f"--cluster-option {next(iter(options))} needs --cluster")
    return Processes(workers)


def on_cluster(name: str) -> Callable[[int, Path, Mapping[str, Any]], Executor]:
    """How many run at once is for the cluster to say; not more than `run_all` starts."""
    return lambda workers, folder, options: Cluster(name, folder, options)


EXECUTORS: Mapping[str, Callable[[int, Path, Mapping[str, Any]], Executor]] = {
    "none": processes,
    "local": on_cluster("local"),
    "slurm": on_cluster("slurm"),
}
"""The values of `--cluster`."""
