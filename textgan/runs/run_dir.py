"""Defines the files of a run's folder, and reads and writes them.

recipe.yaml            the filled recipe: `textgan run recipe.yaml` repeats the run
recipe.given.yaml      what the user wrote, with the settings applied
environment.json       versions, device, components and their providers
data.json              sizes of the splits and what was left out
metrics.jsonl          one entry a line, equal for equal runs: {"global_round", "phase", "round", "kind", ...}
samples/000200.txt     samples of each evaluation
checkpoints/000200/    what is needed to continue; see textgan.runs.checkpoint
model/                 the generator and its tokenizer: what `textgan.load` reads
summary.json           the latest table of results
cost.json              the cost of each phase; see textgan.runs.cost
controls/NAME/         a control's own run folder
log.txt                dated messages
.lock                  locked by the process that runs it
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from textgan.core.errors import UserError
from textgan.core.escape import visible
from textgan.runs.atomic import write_failure, write_text


class RunDir:
    """Reads and writes the files of one run.

    Args:
        path: the run's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics = path / "metrics.jsonl"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"

    @classmethod
    def create(cls, path: Path) -> RunDir:
        """Creates a new folder. Raises UserError if it exists already and is not empty."""
        refuse_taken(path)
        return cls.ensure(path)

    @classmethod
    def ensure(cls, path: Path) -> RunDir:
        """Creates the folder unless it exists, perhaps with the files of a run that was killed at its start."""
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_failure(path, error) from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunDir:
        """Returns the folder of an earlier run. Raises UserError if there is none."""
        if not (path / "recipe.yaml").is_file():
            problem = "not a run (it has no recipe.yaml)" if path.exists() else "folder not found"
            raise UserError(f"{path}: {problem}; expected the folder of a run; see the folders in runs/")
        return cls(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the run for this process.

        The operating system releases the lock when the process ends, however that happens.

        Raises:
            UserError: if another process has locked it.
        """
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(
                f"{self.path}: another process is running this run; nothing was changed; wait until it ends, or stop it"
            ) from None
        except OSError as error:
            raise write_failure(self.path, error) from error
        try:
            yield
        finally:
            lock.release()

    def write(self, name: str, content: str | Mapping[str, Any]) -> None:
        """Writes one file atomically; a mapping as JSON."""
        text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)

    def read(self, name: str) -> Any:
        """Returns the content of a JSON file. Raises UserError if it is damaged."""
        return read_json(self.path / name)

    def append(self, entry: Mapping[str, Any]) -> None:
        """Appends one entry to `metrics.jsonl`."""
        self._append(self.metrics, json.dumps(entry) + "\n")

    def log(self, message: str) -> None:
        """Appends one dated line to `log.txt`."""
        self._append(self.path / "log.txt", f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}\n")

    def write_samples(self, global_round: int, texts: Sequence[str]) -> None:
        """Writes the samples of an evaluation, one a line, with control characters made visible."""
        self.write(f"samples/{global_round:06d}.txt", "".join(f"{visible(text)}\n" for text in texts))

    def entries(self) -> list[dict[str, Any]]:
        """Returns all entries of `metrics.jsonl`."""
        if not self.metrics.exists():
            return []
        return [json.loads(line) for line in self.metrics.read_text(encoding="utf-8").splitlines()]

    def rewind(self, global_round: int) -> None:
        """Deletes metrics and samples of rounds after `global_round`, and a last line that is incomplete."""
        if not self.metrics.exists():
            return
        lines = []
        for line in self.metrics.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["global_round"] <= global_round:
                    lines.append(line + "\n")
            except ValueError:
                break
        write_text(self.metrics, "".join(lines))
        for file in (self.path / "samples").glob("*.txt"):
            if file.stem.isdecimal() and int(file.stem) > global_round:
                file.unlink()

    def checkpoint(self, global_round: int) -> Path:
        """Returns the path of the checkpoint after that round."""
        return self.checkpoints / f"{global_round:06d}"

    def saved(self) -> list[Path]:
        """Returns the checkpoints, oldest first."""
        if not self.checkpoints.is_dir():
            return []
        return sorted((p for p in self.checkpoints.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))

    def _append(self, file: Path, text: str) -> None:
        try:
            with file.open("a", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise write_failure(file, error) from error


def read_json(file: Path) -> Any:
    """Returns the content of a JSON file that the toolkit wrote. Raises UserError if it is missing or damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read or is damaged: {error}") from error


def refuse_taken(path: Path) -> None:
    """Raises UserError if a new run cannot be started in a folder, since that has files already."""
    if not path.exists() or (path.is_dir() and all(file.name == ".lock" for file in path.iterdir())):
        return
    if (path / "recipe.yaml").exists():
        raise UserError(
            f"{path}: holds a run; nothing was changed; continue it with `textgan run --resume {path}`, "
            "or choose another folder with --out"
        )
    raise UserError(f"{path}: exists and is not empty; nothing was changed; choose another folder with --out")


def new_folder(name: str, root: Path = Path("runs")) -> Path:
    """Returns an unused path such as `runs/seqgan-20260131-142501`, followed by a number if that exists."""
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = (root / (stem + suffix) for suffix in itertools.chain([""], (f"-{n}" for n in itertools.count(2))))
    return next(path for path in candidates if not path.exists())
