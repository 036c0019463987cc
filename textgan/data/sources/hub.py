"""Datasets of the Hugging Face Hub."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from textgan.data.readers import column_of, divide, first_line, texts
from textgan.data.network import hub_is_offline, told_offline
from textgan.core.errors import UserError
from textgan.core.options import Fraction, PositiveInt
from textgan.data.interfaces import Raw, Source


class Hub(Source):
    """A dataset of the Hugging Face Hub, or a local folder that is laid out like one.

    A private dataset is opened by the variable HF_TOKEN, which is never saved. Code that comes with a dataset
    is never run. With HF_HUB_OFFLINE=1 only what has been downloaded before is used.

    Args:
        path: a name on the Hub such as stanfordnlp/imdb, or a folder.
        subset: which of a dataset's configurations, where there are several.
        revision: branch, tag or commit; a commit pins the data for good.
        split: the split to train on.
        column: the column that holds the text; needed where there are several.
        validation_split: the split for validation; None draws it from `split`.
        test_split: the split for testing; None draws it from `split`.
        validation_share: how much of `split` is set aside for validation, unless it has its own.
        test_share: how much of `split` is set aside for testing, unless it has its own.
        streaming: read without downloading all of it first; give a limit with it.
        limit: use only the first so many texts of each split.
    """

    def __init__(
        self,
        path: str,
        subset: str | None = None,
        revision: str | None = None,
        split: str = "train",
        column: str | None = None,
        validation_split: str | None = None,
        test_split: str | None = None,
        validation_share: Fraction = 0.05,
        test_share: Fraction = 0.1,
        streaming: bool = False,
        limit: PositiveInt | None = None,
    ) -> None:
        self.path, self.subset, self.revision, self.column = path, subset, revision, column
        self.split, self.validation_split, self.test_split = split, validation_split, test_split
        self.shares = {"validation": validation_share, "test": test_share}
        self.streaming, self.limit = streaming, limit

    def read(self, seed: int) -> Raw:
        if not (local := Path(self.path).expanduser().is_dir()):
            self._check_reachable()
        notes: dict[str, int] = {}
        rows = self._texts(self.split, local, notes)
        validation = None if self.validation_split is None else self._texts(self.validation_split, local, notes)
        test = None if self.test_split is None else self._texts(self.test_split, local, notes)
        return Raw(*divide(rows, validation, test, self.shares, seed), notes=notes)

    def _texts(self, split: str, local: bool, notes: dict[str, int]) -> list[str]:
        name = f"{self.path}, split {split}"
        try:
            values = self._values(split, local, name)
        except UserError:
            raise
        except Exception as error:  # whatever the network, the Hub or a file's format may raise
            hint = ""
            if told_offline() and not local:
                hint = "; HF_HUB_OFFLINE forbids downloads: unset it, or fetch the data where there is a network"
            raise UserError(f"{name}: could not be read: {first_line(error)}{hint}") from error
        return texts(values, name, notes)

    def _values(self, split: str, local: bool, name: str) -> list[Any]:
        """Folders are streamed, which leaves no copy of them in the cache; what is downloaded is kept there."""
        import datasets

        path = str(Path(self.path).expanduser()) if local else self.path
        with TemporaryDirectory() as scratch:
            table = datasets.load_dataset(
                path,
                self.subset,
                split=split,
                revision=self.revision,
                streaming=self.streaming or local,
                cache_dir=scratch if local else None,
            )
            return list(islice(column_of(table, self.column, name), self.limit))

    def _check_reachable(self) -> None:
        if not told_offline() and hub_is_offline():
            raise UserError(
                f"{self.path} is no folder here, and the Hugging Face Hub cannot be reached; set "
                "HF_HUB_OFFLINE=1 if the dataset was downloaded before, fetch it where there is a network, "
                "or read a file with data.name=text"
            )
