"""Stops a run by a signal, as a user does."""

from __future__ import annotations

import os
import signal

from textgan.runs.reporter import ProgressReporter
from textgan.training.loop import RoundResult


class StopAt(ProgressReporter):
    """Sends a signal to its own process after a round."""

    def __init__(self, global_round: int, number: int = signal.SIGINT) -> None:
        self.global_round, self.number, self.stopping = global_round, number, False

    def on_round_end(self, result: RoundResult) -> None:
        if result.progress.global_round == self.global_round and not self.stopping:
            os.kill(os.getpid(), self.number)

    def on_stop_requested(self) -> None:
        self.stopping = True
