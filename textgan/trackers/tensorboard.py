"""Curves in TensorBoard, an extra: `pip install textgan[tensorboard]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textgan.errors import UserError
from textgan.roles import Tracker

if TYPE_CHECKING:
    from textgan.folder import Folder


class TensorBoard(Tracker):
    """Writes event files into the run's folder; `tensorboard --logdir runs` shows them."""

    def __init__(self, run_folder: Folder) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError("tracker tensorboard needs an extra: pip install textgan[tensorboard]") from error
        self.writer = SummaryWriter(str(run_folder.path / "tensorboard"))

    def log(self, step: int, phase: str, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        self.writer.close()
