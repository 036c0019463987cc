"""Logs metrics to TensorBoard. Needs an extra: `pip install textgan[tensorboard]`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textgan.core.errors import UserError
from textgan.core.roles import Tracker


class TensorBoard(Tracker):
    """Writes event files into the run's folder; `tensorboard --logdir runs` shows them.

    Raises:
        UserError: if TensorBoard is not installed.
    """

    def __init__(self, run_folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UserError(
                "trackers=tensorboard: the package tensorboard is not installed; expected the extra [tensorboard]; "
                "run pip install textgan[tensorboard]"
            ) from error
        self.writer = SummaryWriter(str(run_folder / "tensorboard"))

    def log(self, global_round: int, phase: str, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, global_round)

    def close(self) -> None:
        self.writer.close()
