"""Reads files of ready ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from textgan.core.errors import UserError
from textgan.core.options import Fraction, PositiveInt
from textgan.data.interfaces import Raw, Source
from textgan.data.readers import BAD, TABLES, Origin, count, divide, existing, suffix, table_rows, text_lines
from textgan.data.tokenizers.builtin import numbers


class TokenFiles(Source):
    """Reads sequences of ids, with no tokenizer.

    A file holds one sequence a line with spaces or commas between the ids, a column of lists in a table, or a 2-D array
    of integers in .npy format. The ids that end, start and pad a sequence are added after the largest one.

    Args:
        path: the file to train on.
        validation: a file for validation; None samples it from `path`.
        test: a file for testing; None samples it from `path`.
        column: the column that holds the lists; required if a table has several.
        size: number of ids; None is the largest one found, plus one.
        validation_share: share of the different sequences of `path` for validation; ignored with a file for it.
        test_share: share of the different sequences of `path` for testing; ignored with a file for it.
        limit: number of sequences to use, the first ones of `path`; None is all.
    """

    output_type = "ids"

    def __init__(
        self,
        path: str,
        validation: str | None = None,
        test: str | None = None,
        column: str | None = None,
        size: PositiveInt | None = None,
        validation_share: Fraction = 0.05,
        test_share: Fraction = 0.1,
        limit: PositiveInt | None = None,
    ) -> None:
        self.path, self.validation, self.test, self.column, self.size = path, validation, test, column, size
        self.shares = {"validation": validation_share, "test": test_share}
        self.limit = limit

    def read(self, seed: int) -> Raw:
        """Returns the sequences of all splits. Raises UserError if a file cannot be used."""
        notes: dict[str, int] = {}
        rows = self._lines("data.path", self.path, notes)[: self.limit]
        validation = None if self.validation is None else self._lines("data.validation", self.validation, notes)
        test = None if self.test is None else self._lines("data.test", self.test, notes)
        splits = divide(rows, validation, test, self.shares, seed)
        size = self.size or 1 + max(int(item) for part in splits for line in part for item in line.split())
        return Raw(*splits, tokenizer=numbers(size, bos=size + 1, eos=size), notes=notes)

    def _lines(self, key: str, path: str, notes: dict[str, int]) -> list[str]:
        return [" ".join(map(str, row)) for row in read_ids(Origin(key, path), self.column, self.size, notes)]


def read_ids(origin: Origin, column: str | None, size: int | None, notes: dict[str, int]) -> list[list[int]]:
    """Returns the sequences of a file, without empty ones.

    Args:
        origin: the option that names the file.
        column: the column of a table; None is the only one.
        size: number of ids; None allows any id from 0.
        notes: counts of what was left out; modified.

    Raises:
        UserError: if something in it is not an id; names the file, the line and what was found.
    """
    if suffix(origin.path) == ".npy":
        rows: Sequence[Any] = _array(origin)
    elif suffix(origin.path) in TABLES:
        rows = table_rows(origin, column)
    else:
        rows = [line.replace(",", " ").split() for line in text_lines(origin)]
    found = [_ids(row, size, f"{origin}: line {n}") for n, row in enumerate(rows, 1) if row is not None and len(row)]
    count(notes, "empty lines left out", len(rows) - len(found))
    if not found:
        raise UserError(f"{origin}: no sequence of ids in it; expected one a line, such as 12 7 305")
    return found


def _ids(row: Any, size: int | None, where: str) -> list[int]:
    items = row.replace(",", " ").split() if isinstance(row, str) else row
    for item in items:
        if not _is_whole(item):
            shown = str(item).replace(BAD, "?")[:40]
            raise UserError(f"{where}: {shown!r} is not an id; expected whole numbers from 0 between spaces or commas")
        if size is not None and int(item) >= size:
            raise UserError(f"{where}: id {int(item)} is too large for size={size}; expected ids from 0 to {size - 1}")
    return [int(item) for item in items]


def _is_whole(item: Any) -> bool:
    return str(item).isdecimal() and str(item).isascii()


def _array(origin: Origin) -> list[list[int]]:
    file = existing(origin)
    try:
        array = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{origin}: cannot be read as a numpy array: {error}") from error
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise UserError(f"{origin}: expected a 2-D array of integers, found {array.ndim}-D of {array.dtype}")
    rows: list[list[int]] = array.tolist()
    return rows
