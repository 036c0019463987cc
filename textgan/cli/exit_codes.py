"""From outcomes to exit codes.

0 success; 1 a run that failed, or an error that nobody expected; 2 something that the user can mend;
130 stopped by Ctrl-C; 143 stopped by SIGTERM; 141 whoever read the output has gone.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import click

from textgan.cli.base import PipeClosed, State
from textgan.core.errors import Failure, UserError
from textgan.runs.signals import Stopped
from textgan.core.escape import visible

OK, FAILED, USAGE, INTERRUPTED, PIPE_CLOSED, TERMINATED = 0, 1, 2, 130, 141, 143


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole program. Returns the exit code, and never raises.

    Args:
        arguments: default those of the process.
    """
    _prepare_streams()
    state = State()
    with _terminable():
        try:
            code = _play(arguments, state)
            sys.stdout.flush()
        except BrokenPipeError:
            code = PIPE_CLOSED
    if code == PIPE_CLOSED:
        _silence()
    return code


def _play(arguments: Sequence[str] | None, state: State) -> int:
    try:
        from textgan.cli.group import textgan

        result = textgan.main(arguments, prog_name="textgan", standalone_mode=False, obj=state)
        return result if isinstance(result, int) else OK
    except click.UsageError as error:
        error.show()
        return USAGE
    except UserError as error:
        text = "\n".join(visible(line) for line in str(error).split("\n"))
        return _say(text if "\n" in text else f"textgan: {text}", USAGE, state)
    except Failure as error:
        return _say(f"textgan: {visible(str(error))}", FAILED, state)
    except Stopped as stopped:
        return 128 + stopped.signal
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except PipeClosed:
        return PIPE_CLOSED
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else OK if left.code is None else FAILED
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        told = f"{type(error).__name__}: {first}" if first else type(error).__name__
        hint = "" if state.debug else "; run again with --debug for the traceback"
        return _say(f"textgan: error: {visible(told)}{hint}", FAILED, state)


def _say(text: str, code: int, state: State) -> int:
    if state.debug:
        traceback.print_exc()
    print(text, file=sys.stderr)
    return code


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM leaves like an exception, so that what is open is closed. Only the main thread can do it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


def _prepare_streams() -> None:
    """Neither a closed stream nor a narrow encoding may end a run."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence() -> None:
    """Nobody reads on: what is still buffered goes nowhere instead of complaining when Python ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, io.UnsupportedOperation):
        return
