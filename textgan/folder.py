"""A run's folder: what stands where, and how it is written.

recipe.yaml            the filled recipe: `textgan run recipe.yaml` repeats the run
recipe.given.yaml      what the user wrote, settings laid in
environment.json       versions, device, components and their providers
data.json              sizes of the splits and what was left out
metrics.jsonl          a line an entry, the same bytes for the same run: {"step", "phase", "round", "kind", ...}
samples/000200.txt     sentences at each evaluation
checkpoints/000200/    enough to go on; see textgan.checkpoint
model/                 the generator and its tokenizer: what `textgan.load` reads
summary.json           the last table
cost.json              what each phase took; see textgan.meter
controls/NAME/         a control's own run folder
log.txt                what happened when
.lock                  held by the process that runs it
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

from textgan.atomic import refusal, write_text
from textgan.errors import UserError
from textgan.text import visible


class Folder:
    """The paths of one run folder, and small writes into it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics = path / "metrics.jsonl"
        self.checkpoints = path / "checkpoints"
        self.model = path / "model"

    @classmethod
    def create(cls, path: Path) -> Folder:
        """A new folder. Raises UserError if something is there already."""
        refuse_taken(path)
        return cls.made(path)

    @classmethod
    def made(cls, path: Path) -> Folder:
        """A folder that may be there, with what a run that was killed as it began has left in it."""
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refusal(path, error) from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Folder:
        """The folder of an earlier run. Raises UserError if it is none."""
        if not (path / "recipe.yaml").is_file():
            reason = "there is no such folder" if not path.exists() else "holds no run (it has no recipe.yaml)"
            raise UserError(f"{path}: {reason}")
        return cls(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes from running this run meanwhile. Raises UserError while another one does.

        The lock is the operating system's and ends with the process, however that ends.
        """
        lock = FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise UserError(
                f"{self.path}: another process is running this run; nothing was touched. Wait until it ends, or stop it"
            ) from None
        except OSError as error:
            raise refusal(self.path, error) from error
        try:
            yield
        finally:
            lock.release()

    def write(self, name: str, content: str | Mapping[str, Any]) -> None:
        """One file, replaced as a whole; mappings as JSON."""
        text = content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)

    def read(self, name: str) -> Any:
        """A JSON file's content. Raises UserError if it is damaged."""
        return read_json(self.path / name)

    def append(self, entry: Mapping[str, Any]) -> None:
        """One line of metrics."""
        self._append(self.metrics, json.dumps(entry) + "\n")

    def log(self, message: str) -> None:
        """One dated line of the log."""
        self._append(self.path / "log.txt", f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {message}\n")

    def sentences(self, step: int, texts: Sequence[str]) -> None:
        """The samples of an evaluation, control characters made visible."""
        self.write(f"samples/{step:06d}.txt", "".join(f"{visible(text)}\n" for text in texts))

    def entries(self) -> list[dict[str, Any]]:
        """All lines of metrics."""
        if not self.metrics.exists():
            return []
        return [json.loads(line) for line in self.metrics.read_text(encoding="utf-8").splitlines()]

    def rewind(self, index: int) -> None:
        """Forgets metrics and samples of rounds after `index`, and a line that was only half written."""
        if not self.metrics.exists():
            return
        kept = []
        for line in self.metrics.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= index:
                    kept.append(line + "\n")
            except ValueError:
                break
        write_text(self.metrics, "".join(kept))
        for file in (self.path / "samples").glob("*.txt"):
            if file.stem.isdecimal() and int(file.stem) > index:
                file.unlink()

    def checkpoint(self, index: int) -> Path:
        """Where the checkpoint after that many rounds stands."""
        return self.checkpoints / f"{index:06d}"

    def saved(self) -> list[Path]:
        """The checkpoints, oldest first."""
        if not self.checkpoints.is_dir():
            return []
        return sorted((p for p in self.checkpoints.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))

    def _append(self, file: Path, text: str) -> None:
        try:
            with file.open("a", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise refusal(file, error) from error


def read_json(file: Path) -> Any:
    """What a file of ours holds. Raises UserError if it cannot be read or is damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read or is damaged: {error}") from error


def refuse_taken(path: Path) -> None:
    """Raises UserError if a new run cannot go there."""
    if not path.exists() or (path.is_dir() and all(file.name == ".lock" for file in path.iterdir())):
        return
    if (path / "recipe.yaml").exists():
        raise UserError(
            f"{path} holds a run; nothing was touched. Continue it with `textgan run --resume {path}`, "
            "or choose another folder with --out"
        )
    raise UserError(f"{path} is there already and is not empty; nothing was touched. Choose another folder with --out")


def new_folder(name: str, root: Path = Path("runs")) -> Path:
    """`runs/seqgan-20260131-142501`, with a number behind it if that is taken."""
    stem = f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    candidates = (root / (stem + suffix) for suffix in itertools.chain([""], (f"-{n}" for n in itertools.count(2))))
    return next(path for path in candidates if not path.exists())
