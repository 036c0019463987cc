"""Text files of the user's own."""

from __future__ import annotations

from textgan.data.readers import TABLES, divide, suffix, table_rows, text_lines, texts
from textgan.core.options import Fraction, PositiveInt
from textgan.data.interfaces import Raw, Source


class TextFiles(Source):
    """One text a line, or a column of a table.

    The suffix tells the format: .jsonl, .json, .csv, .tsv and .parquet are tables, anything else is plain
        text; a .gz
    behind it is unpacked. Text is UTF-8; lines that are not are left out and counted.

    Args:
        path: the file to train on.
        validation: a file of its own for validation; None draws it from `path`.
        test: a file of its own for testing; None draws it from `path`.
        column: the column that holds the text; needed where a table has several.
        validation_share: how much of `path` is set aside for validation, unless it has its own file.
        test_share: how much of `path` is set aside for testing, unless it has its own file.
        limit: use only the first so many texts of `path`.
    """

    def __init__(
        self,
        path: str,
        validation: str | None = None,
        test: str | None = None,
        column: str | None = None,
        validation_share: Fraction = 0.05,
        test_share: Fraction = 0.1,
        limit: PositiveInt | None = None,
    ) -> None:
        self.path, self.validation, self.test, self.column = path, validation, test, column
        self.shares = {"validation": validation_share, "test": test_share}
        self.limit = limit

    def read(self, seed: int) -> Raw:
        notes: dict[str, int] = {}
        rows = self._texts(self.path, notes)[: self.limit]
        validation = None if self.validation is None else self._texts(self.validation, notes)
        test = None if self.test is None else self._texts(self.test, notes)
        return Raw(*divide(rows, validation, test, self.shares, seed), notes=notes)

    def _texts(self, path: str, notes: dict[str, int]) -> list[str]:
        values = table_rows(path, self.column) if suffix(path) in TABLES else text_lines(path)
        return texts(values, path, notes)
