"""Reads text files."""

from __future__ import annotations

from textgan.core.options import Fraction, PositiveInt
from textgan.data.interfaces import Raw, Source
from textgan.data.readers import TABLES, Origin, divide, suffix, table_rows, text_lines, texts


class TextFiles(Source):
    """Reads text files with one text a line, or a column of a table.

    The suffix determines the format: .jsonl, .json, .ndjson, .csv, .tsv and .parquet are tables, anything else is plain
    text. Files that end in .gz are decompressed. Text is UTF-8; lines that are not are left out and counted.

    Args:
        path: the file to train on.
        validation: a file for validation; None samples it from `path`.
        test: a file for testing; None samples it from `path`.
        column: the column that holds the text; required if a table has several.
        validation_share: share of the different texts of `path` for validation; ignored with a file for it.
        test_share: share of the different texts of `path` for testing; ignored with a file for it.
        limit: number of texts to use, the first ones of `path`; None is all.
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
        """Returns the lines of all splits. Raises UserError if a file cannot be used."""
        notes: dict[str, int] = {}
        rows = self._texts("data.path", self.path, notes)[: self.limit]
        validation = None if self.validation is None else self._texts("data.validation", self.validation, notes)
        test = None if self.test is None else self._texts("data.test", self.test, notes)
        return Raw(*divide(rows, validation, test, self.shares, seed), notes=notes)

    def _texts(self, key: str, path: str, notes: dict[str, int]) -> list[str]:
        origin = Origin(key, path)
        values = table_rows(origin, self.column) if suffix(path) in TABLES else text_lines(origin)
        return texts(values, origin, notes)
