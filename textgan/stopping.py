"""Ctrl-C and SIGTERM ask a run to stop at the end of its round; a second Ctrl-C stops it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Stopped(BaseException):
    """A run was asked to stop and has saved. `signal` says by what."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


class StopRequest:
    """While entered, remembers the first signal instead of dying of it. Outside the main thread it does nothing."""

    def __init__(self, told: Callable[[], None]) -> None:
        self.told = told
        self.signal: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
        self.told()
