"""Stops a run on Ctrl-C or SIGTERM at the end of its round; a second Ctrl-C stops it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Stopped(BaseException):
    """Raised when a run was stopped by a signal, after its checkpoint was saved.

    Args:
        number: the signal's number, later the attribute `signal`.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.signal = number


class StopRequest:
    """While entered, records the first SIGINT or SIGTERM in `signal`, which is None before.

    A second SIGINT raises KeyboardInterrupt. Outside the main thread signals are not handled.

    Args:
        on_request: called when a signal arrives.
    """

    def __init__(self, on_request: Callable[[], None]) -> None:
        self.on_request = on_request
        self.signal: int | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
        self.on_request()
