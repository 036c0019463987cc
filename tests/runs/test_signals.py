from __future__ import annotations

import os
import signal
import threading

import pytest

from textgan.runs.signals import Stopped, StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_recorded(number: int) -> None:
    calls: list[str] = []
    with StopRequest(lambda: calls.append("requested")) as request:
        assert request.signal is None
        os.kill(os.getpid(), number)
        assert request.signal == number
    assert calls == ["requested"]


def test_a_second_interrupt_stops_at_once() -> None:
    with StopRequest(lambda: None) as request:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert request.signal == signal.SIGTERM


def test_a_second_sigterm_is_one_more_request() -> None:
    with StopRequest(lambda: None) as request:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.signal == signal.SIGTERM


def test_the_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ZeroDivisionError), StopRequest(lambda: None):
        raise ZeroDivisionError
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_other_threads_do_not_handle_signals() -> None:
    handlers = []

    def enter() -> None:
        with StopRequest(lambda: None):
            handlers.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [before]


def test_stopped_names_its_signal_and_is_not_an_exception() -> None:
    stopped = Stopped(signal.SIGTERM)
    assert str(stopped) == "SIGTERM"
    assert stopped.signal == signal.SIGTERM
    assert not isinstance(stopped, Exception), "except Exception must not catch it"
