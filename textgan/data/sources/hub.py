"""Reads datasets of the Hugging Face Hub."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from textgan.core.errors import UserError
from textgan.core.options import Fraction, PositiveInt
from textgan.data.interfaces import Raw, Source
from textgan.data.network import forced_offline, hub_is_offline
from textgan.data.readers import column_of, divide, first_line, texts


class Hub(Source):
    """Reads a dataset of the Hugging Face Hub, or a local folder with the same layout.

    A private dataset needs the environment variable HF_TOKEN, which is never saved. Code that comes with a dataset is
    never run. With HF_HUB_OFFLINE=1 only what was downloaded before is used.

    Args:
        path: a name on the Hub such as stanfordnlp/imdb, or a folder.
        subset: the configuration of the dataset; required if there are several.
        revision: branch, tag or commit; only a commit fixes the data.
        split: the split to train on.
        column: the column that holds the text; required if there are several.
        validation_split: the split for validation; None samples it from `split`.
        test_split: the split for testing; None samples it from `split`.
        validation_share: share of the different texts of `split` for validation; ignored with `validation_split`.
        test_share: share of the different texts of `split` for testing; ignored with `test_split`.
        streaming: whether to read without downloading everything first; use it with a limit.
        limit: number of texts to use, the first ones of each split; None is all.
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
        """Returns the texts of all splits. Raises UserError if the dataset cannot be read."""
        if not (local := Path(self.path).expanduser().is_dir()):
            self._check_reachable()
        notes: dict[str, int] = {}
        rows = self._texts(self.split, local, notes)
        validation = None if self.validation_split is None else self._texts(self.validation_split, local, notes)
        test = None if self.test_split is None else self._texts(self.test_split, local, notes)
        return Raw(*divide(rows, validation, test, self.shares, seed), notes=notes)

    def _texts(self, split: str, local: bool, notes: dict[str, int]) -> list[str]:
        name = f"data.path={self.path}: split {split}"
        try:
            values = self._values(split, local, name)
        except UserError:
            raise
        except Exception as error:  # whatever the network, the Hub or a file's format may raise
            hint = ""
            if forced_offline() and not local:
                hint = "; HF_HUB_OFFLINE forbids downloads; unset it, or download the data where there is a network"
            raise UserError(f"{name}: cannot be read: {first_line(error)}{hint}") from error
        return texts(values, name, notes)

    def _values(self, split: str, local: bool, name: str) -> list[Any]:
        """Returns a column. Folders are streamed, which leaves no copy in the cache; downloads are kept there."""
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
        if not forced_offline() and hub_is_offline():
            raise UserError(
                f"data.path={self.path}: not a folder, and the Hugging Face Hub cannot be reached; set "
                "HF_HUB_OFFLINE=1 if the dataset was downloaded before, download it where there is a network, "
                "or read a file with data.name=text"
            )
