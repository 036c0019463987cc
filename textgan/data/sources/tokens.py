"""Files of ready ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textgan.data.readers import BAD, TABLES, count, divide, existing, suffix, table_rows, text_lines
from textgan.data.tokenizers.builtin import numbers
from textgan.core.errors import UserError
from textgan.core.options import Fraction, PositiveInt
from textgan.data.interfaces import Raw, Source


class TokenFiles(Source):
    """Sequences of whole numbers: one a line with spaces or commas between them, lists in a table's column,
    or the rows of an .npy array.

    The ids that end, start and fill a sequence are added behind the others.

    Args:
        path: the file to train on.
        validation: a file of its own for validation; None draws it from `path`.
        test: a file of its own for testing; None draws it from `path`.
        column: the column that holds the lists; needed where a table has several.
        size: number of ids; None takes the largest one found, plus one.
        validation_share: how much of `path` is set aside for validation, unless it has its own file.
        test_share: how much of `path` is set aside for testing, unless it has its own file.
        limit: use only the first so many sequences of `path`.
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
        notes: dict[str, int] = {}
        rows = self._lines(self.path, notes)[: self.limit]
        validation = None if self.validation is None else self._lines(self.validation, notes)
        test = None if self.test is None else self._lines(self.test, notes)
        splits = divide(rows, validation, test, self.shares, seed)
        size = self.size or 1 + max(int(word) for part in splits for line in part for word in line.split())
        return Raw(*splits, tokenizer=numbers(size, bos=size + 1, eos=size), notes=notes)

    def _lines(self, path: str, notes: dict[str, int]) -> list[str]:
        return [" ".join(map(str, row)) for row in read_ids(path, self.column, self.size, notes)]


def read_ids(path: str, column: str | None, size: int | None, notes: dict[str, int]) -> list[list[int]]:
    """The sequences of a file that are not empty.

    Raises:
        UserError: if something in it is no id; names the file, the line and what was found.
    """
    if suffix(path) == ".npy":
        rows: Sequence[Any] = _array(path)
    elif suffix(path) in TABLES:
        rows = table_rows(path, column)
    else:
        rows = [line.replace(",", " ").split() for line in text_lines(path)]
    found = [_ids(row, size, f"{path}, line {n}") for n, row in enumerate(rows, 1) if row is not None and len(row)]
    count(notes, "empty lines left out", len(rows) - len(found))
    if not found:
        raise UserError(f"{path} holds no sequence of ids; expected one a line, such as 12 7 305")
    return found


def _ids(row: Any, size: int | None, where: str) -> list[int]:
    words = row.replace(",", " ").split() if isinstance(row, str) else row
    for word in words:
        if not _is_whole(word):
            shown = str(word).replace(BAD, "?")[:40]
            raise UserError(f"{where}: {shown!r} is no id; expected whole numbers from 0 between spaces or commas")
        if size is not None and int(word) >= size:
            raise UserError(f"{where}: id {int(word)} is too large for size={size}; ids run from 0 to {size - 1}")
    return [int(word) for word in words]


def _is_whole(word: Any) -> bool:
    return str(word).isdecimal() and str(word).isascii()


def _array(path: str) -> list[list[int]]:
    file: Path = existing(path)
    try:
        array = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path} could not be read as a numpy array: {error}") from error
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise UserError(f"{path}: expected a 2-D array of integers, found {array.ndim}-D of {array.dtype}")
    rows: list[list[int]] = array.tolist()
    return rows
