"""Rows of a user's file, and how one file becomes three splits."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from textgan.core.errors import UserError
from textgan.core.registry import suggest
from textgan.core.seeding import derive

TABLES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    ".jsonl": ("json", {}),
    ".json": ("json", {}),
    ".ndjson": ("json", {}),
    ".csv": ("csv", {"keep_default_na": False}),
    ".tsv": ("csv", {"keep_default_na": False, "sep": "\t"}),
    ".parquet": ("parquet", {}),
}
"""Suffix -> the reader of `datasets`, and its options. `keep_default_na`: "null" and "NA" are words, too."""

BAD = "\ufffd"
"""What stands in a line for bytes that are not UTF-8."""


def is_bad(line: str) -> bool:
    """Whether a line is not text: bytes that are not UTF-8, or zeros, as in UTF-16 and in binary files."""
    return BAD in line or "\0" in line


class Splits(NamedTuple):
    """Rows of the three splits."""

    train: list[Any]
    validation: list[Any]
    test: list[Any]


def existing(path: str) -> Path:
    """The file of that name.

    Raises:
        UserError: if it is missing, a folder, empty or not to be read.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        raise UserError(f"{path} is a folder; name a file in it, such as {_some_file(file)}")
    if not file.exists():
        if not file.parent.is_dir():
            raise UserError(f"{path}: there is no folder {file.parent}")
        raise UserError(f"{path}: there is no such file{suggest(file.name, os.listdir(file.parent))}")
    if not os.access(file, os.R_OK):
        raise UserError(f"{path} may not be read by this user; change its permissions")
    if file.stat().st_size == 0:
        raise UserError(f"{path} is empty; expected one text a line")
    return file


def suffix(path: str) -> str:
    """The suffix that tells the format, without that of compression: "a.jsonl.gz" -> ".jsonl"."""
    name = path.lower().removesuffix(".gz")
    return os.path.splitext(name)[1]


def text_lines(path: str) -> list[str]:
    """All lines of a text file, so that line n is at n - 1. Bytes that are not UTF-8 read as `BAD`."""
    file = existing(path)
    try:
        with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace")
            return [line.rstrip("\n") for line in text]
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} could not be read: {error}") from error


def table_rows(path: str, column: str | None) -> list[Any]:
    """One column of a JSON, CSV, TSV or parquet file, read as a stream: no cache is written anywhere.

    Raises:
        UserError: if the file is no such table or has no such column.
    """
    import datasets

    file = existing(path)
    reader, options = TABLES[suffix(path)]
    try:
        with TemporaryDirectory() as scratch:  # for its lock files
            table = datasets.load_dataset(
                reader, data_files=str(file), split="train", streaming=True, cache_dir=scratch, **options
            )
            return list(column_of(table, column, path))
    except UserError:
        raise
    except Exception as error:  # arrow, pandas, json and gzip each raise their own
        raise UserError(f"{path} could not be read as {suffix(path)[1:]}: {_reason(error)}") from error


def column_of(table: Any, column: str | None, path: str) -> Iterator[Any]:
    """The values of a column of a `datasets` table; of the only one, if none is named."""
    for rows in table.iter(batch_size=1000):
        if column is None and len(rows) > 1:
            raise UserError(
                f"{path} has the columns {', '.join(rows)}; say which one to read: column={next(iter(rows))}"
            )
        chosen = next(iter(rows)) if column is None else column
        if chosen not in rows:
            raise UserError(f"{path} has no column {column}{suggest(chosen, rows)}; it has {', '.join(rows)}")
        yield from rows[chosen]


def texts(values: Sequence[Any], path: str, notes: dict[str, int]) -> list[str]:
    """The values that are lines of text; the others are counted in `notes`.

    Raises:
        UserError: if values are not text, if most are not UTF-8, or if no line says anything.
    """
    odd = next((n for n, value in enumerate(values, 1) if not isinstance(value, str | None)), None)
    if odd is not None:
        kind = type(values[odd - 1]).__name__
        raise UserError(
            f"{path}, row {odd}: expected text, found {kind}; name a column of text, or use data.name=tokens"
        )
    bad = [n for n, value in enumerate(values, 1) if value and is_bad(value)]
    if len(bad) * 2 > len(values):
        raise UserError(
            f"{path} is not UTF-8: {len(bad)} of {len(values)} lines cannot be decoded, the first is line "
            f"{bad[0]}; save the file as UTF-8"
        )
    count(notes, "lines that are not UTF-8, left out", len(bad))
    found = [" ".join(value.splitlines()).strip() for value in values if value and not is_bad(value)]
    kept = [value for value in found if value]
    count(notes, "empty lines left out", len(values) - len(bad) - len(kept))
    if not kept:
        raise UserError(f"{path} has no line with text in it; expected one text a line")
    return kept


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def count(notes: dict[str, int], name: str, number: int) -> None:
    """Adds to a note; nothing found is not worth one."""
    if number:
        notes[name] = notes.get(name, 0) + number


def divide(
    rows: Sequence[Any],
    validation: Sequence[Any] | None,
    test: Sequence[Any] | None,
    shares: Mapping[str, float],
    seed: int,
) -> Splits:
    """Draws the splits that have no rows of their own from `rows`, by the seed; the rest, in its order,
    trains.

    Equal rows go to the same split, so none has to be thrown away to keep the splits apart. A share that is
    not zero gets one row at least.

    Raises:
        UserError: if the shares leave nothing to train on.
    """
    given = {"validation": validation, "test": test}
    missing = [name for name in given if given[name] is None and shares[name] > 0]
    distinct = list(dict.fromkeys(rows))
    order = np.random.default_rng(derive(seed, "split")).permutation(len(distinct))
    part: dict[Any, str] = {}
    start = 0
    for name in missing:
        end = start + max(1, round(shares[name] * len(distinct)))
        part |= {distinct[i]: name for i in order[start:end]}
        start = end
    if start >= len(distinct):
        wanted = ", ".join(f"{name}_share={shares[name]:g}" for name in missing)
        raise UserError(f"{len(distinct)} different lines are too few to set aside {wanted} and keep some to train on")
    drawn = {name: [row for row in rows if part.get(row) == name] for name in given}
    kept = [row for row in rows if row not in part]
    own = {name: list(value) if (value := given[name]) is not None else drawn[name] for name in given}
    return Splits(kept, own["validation"], own["test"])


def _some_file(folder: Path) -> str:
    files = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    return str(folder / (files[0] if files else "train.txt"))


def _reason(error: BaseException) -> str:
    """What the innermost error says: `datasets` hides what happened behind what it was doing."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)
