"""Reads rows from a user's files, and divides the rows of one file into three splits.

Errors start with the option that named the file, as in `data.path=nope.txt: file not found; ...`.
"""

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
"""Suffix -> the reader of `datasets`, and its options. By default, "null" and "NA" would not be read as text."""

BAD = "\ufffd"
"""The character that replaces bytes that are not UTF-8."""


class Splits(NamedTuple):
    """Rows of the three splits."""

    train: list[Any]
    validation: list[Any]
    test: list[Any]


class Origin(NamedTuple):
    """An option that names a file or dataset, for error messages.

    Args:
        key: the option as an override, such as "data.path".
        path: its value.
    """

    key: str
    path: str

    def __str__(self) -> str:
        return f"{self.key}={self.path}"


def is_bad(line: str) -> bool:
    """Whether a line is not text: bytes that are not UTF-8, or zeros, as in UTF-16 and in binary files."""
    return BAD in line or "\0" in line


def existing(origin: Origin) -> Path:
    """Returns the file that an option names.

    Raises:
        UserError: if the file is missing, is a folder, is empty or cannot be read.
    """
    file = Path(origin.path).expanduser()
    if file.is_dir():
        raise UserError(f"{origin}: is a folder; expected a file in it, such as {_some_file(file)}")
    if not file.exists():
        if not file.parent.is_dir():
            raise UserError(f"{origin}: folder not found: {file.parent}; expected an existing file")
        raise UserError(
            f"{origin}: file not found; expected an existing file{suggest(file.name, os.listdir(file.parent))}"
        )
    if not os.access(file, os.R_OK):
        raise UserError(f"{origin}: permission denied; expected a file that this user may read")
    if file.stat().st_size == 0:
        raise UserError(f"{origin}: the file is empty; expected one text a line")
    return file


def suffix(path: str) -> str:
    """Returns the suffix that determines the format, without that of compression: "a.jsonl.gz" -> ".jsonl"."""
    name = path.lower().removesuffix(".gz")
    return os.path.splitext(name)[1]


def text_lines(origin: Origin) -> list[str]:
    """Returns all lines of a text file; line n is at n - 1. Bytes that are not UTF-8 are replaced by `BAD`.

    Raises:
        UserError: if the file cannot be read or decompressed.
    """
    file = existing(origin)
    try:
        with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace")
            return [line.rstrip("\n") for line in text]
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{origin}: cannot be read: {error}") from error


def table_rows(origin: Origin, column: str | None) -> list[Any]:
    """Returns one column of a JSON, CSV, TSV or parquet file, read as a stream: no cache is written anywhere.

    Raises:
        UserError: if the file is not such a table or does not have the column.
    """
    import datasets

    file = existing(origin)
    reader, options = TABLES[suffix(origin.path)]
    try:
        with TemporaryDirectory() as scratch:  # for its lock files
            table = datasets.load_dataset(
                reader, data_files=str(file), split="train", streaming=True, cache_dir=scratch, **options
            )
            return list(column_of(table, column, origin))
    except UserError:
        raise
    except Exception as error:  # arrow, pandas, json and gzip each raise their own
        raise UserError(f"{origin}: cannot be read as {suffix(origin.path)[1:]}: {_innermost(error)}") from error


def column_of(table: Any, column: str | None, origin: object) -> Iterator[Any]:
    """Yields the values of a column of a `datasets` table.

    Args:
        table: the table.
        column: the name of the column; None is the only one.
        origin: where the table comes from, for error messages.

    Raises:
        UserError: if the table does not have the column, or if it has several and none is named.
    """
    for rows in table.iter(batch_size=1000):
        if column is None and len(rows) > 1:
            columns = ", ".join(rows)
            raise UserError(f"{origin}: has the columns {columns}; choose one, such as data.column={next(iter(rows))}")
        chosen = next(iter(rows)) if column is None else column
        if chosen not in rows:
            near = suggest(chosen, rows) or f"; expected one of {', '.join(rows)}"
            raise UserError(f"data.column={column}: not a column of {origin}{near}")
        yield from rows[chosen]


def texts(values: Sequence[Any], origin: object, notes: dict[str, int]) -> list[str]:
    """Returns the values that are lines of text, and counts the others.

    Args:
        values: the values of all rows; None is an empty line.
        origin: where they come from, for error messages.
        notes: counts of what was left out; modified.

    Raises:
        UserError: if values are not text, if most of them are not UTF-8, or if there is no line with text.
    """
    odd = next((n for n, value in enumerate(values, 1) if not isinstance(value, str | None)), None)
    if odd is not None:
        kind = type(values[odd - 1]).__name__
        raise UserError(
            f"{origin}: row {odd}: expected text, found {kind}; name a column of text, or use data.name=tokens"
        )
    bad = [n for n, value in enumerate(values, 1) if value and is_bad(value)]
    if len(bad) * 2 > len(values):
        raise UserError(
            f"{origin}: not UTF-8: {len(bad)} of {len(values)} lines cannot be decoded, the first is line "
            f"{bad[0]}; save the file as UTF-8"
        )
    count(notes, "lines that are not UTF-8, left out", len(bad))
    found = [" ".join(value.splitlines()).strip() for value in values if value and not is_bad(value)]
    kept = [value for value in found if value]
    count(notes, "empty lines left out", len(values) - len(bad) - len(kept))
    if not kept:
        raise UserError(f"{origin}: no line with text in it; expected one text a line")
    return kept


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or its class if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def count(notes: dict[str, int], name: str, number: int) -> None:
    """Adds a number to a note; zero leaves no note."""
    if number:
        notes[name] = notes.get(name, 0) + number


def divide(
    rows: Sequence[Any],
    validation: Sequence[Any] | None,
    test: Sequence[Any] | None,
    shares: Mapping[str, float],
    seed: int,
) -> Splits:
    """Samples the splits that have no rows of their own from `rows`; the rest trains, in its order.

    Equal rows are put into the same split, so no row has to be dropped to keep splits disjoint. A share above zero
    gets at least one row.

    Args:
        rows: the rows of the file to train on; hashable.
        validation: rows of a file of its own, or None.
        test: rows of a file of its own, or None.
        shares: "validation" and "test" -> share of the different rows to set aside if the split has no file.
        seed: determines the splits.

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
        wanted = " ".join(f"data.{name}_share={shares[name]:g}" for name in missing)
        raise UserError(f"{wanted}: leaves no row of {len(distinct)} to train on; expected smaller shares or more text")
    sampled = {name: [row for row in rows if part.get(row) == name] for name in given}
    kept = [row for row in rows if row not in part]
    splits = {name: list(value) if (value := given[name]) is not None else sampled[name] for name in given}
    return Splits(kept, splits["validation"], splits["test"])


def _some_file(folder: Path) -> str:
    files = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    return str(folder / (files[0] if files else "train.txt"))


def _innermost(error: BaseException) -> str:
    """Returns the message of the innermost cause, which `datasets` wraps in errors about what it was doing."""
    while error.__cause__ is not None:
        error = error.__cause__
    return first_line(error)
