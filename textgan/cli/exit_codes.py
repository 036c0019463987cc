"""Runs the command line and turns its outcome into an exit code.

0 success; 1 a failed run or an unexpected error; 2 an error in the user's input; 130 stopped by Ctrl-C; 143 stopped by
SIGTERM; 141 the reader of stdout closed the pipe.
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
from textgan.core.escape import visible
from textgan.runs.signals import Stopped

OK, FAILED, USAGE, INTERRUPTED, PIPE_CLOSED, TERMINATED = 0, 1, 2, 130, 141, 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program. Returns the exit code and never raises.

    Args:
        arguments: of the command line; default, those of the process.
    """
    _prepare_streams()
    state = State()
    with _sigterm_as_exception():
        try:
            code = _run(arguments, state)
            sys.stdout.flush()
        except BrokenPipeError:
            code = PIPE_CLOSED
    if code == PIPE_CLOSED:
        _discard_stdout()
    return code


def _run(arguments: Sequence[str] | None, state: State) -> int:
    """Runs the command and maps each exception to its exit code."""
    try:
        from textgan.cli.group import textgan

        result = textgan.main(arguments, prog_name="textgan", standalone_mode=False, obj=state)
        return result if isinstance(result, int) else OK
    except click.UsageError as error:
        error.show()
        return USAGE
    except UserError as error:
        text = "\n".join(visible(line) for line in str(error).split("\n"))
        return _report_error(text if "\n" in text else f"textgan: {text}", USAGE, state)
    except Failure as error:
        return _report_error(f"textgan: {visible(str(error))}", FAILED, state)
    except Stopped as stopped:
        return 128 + stopped.signal
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except PipeClosed:
        return PIPE_CLOSED
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else OK if error.code is None else FAILED
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        message = f"{type(error).__name__}: {first}" if first else type(error).__name__
        hint = "" if state.debug else "; run again with --debug for the traceback"
        return _report_error(f"textgan: error: {visible(message)}{hint}", FAILED, state)


def _report_error(text: str, code: int, state: State) -> int:
    if state.debug:
        traceback.print_exc()
    print(text, file=sys.stderr)
    return code


@contextmanager
def _sigterm_as_exception() -> Iterator[None]:
    """Raises SystemExit on SIGTERM, so that open files and locks are closed. Only the main thread can do this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


def _prepare_streams() -> None:
    """Prevents errors from a closed stream, or from an encoding without some characters."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_stdout() -> None:
    """Redirects buffered output to the null device, so that Python does not report the closed pipe at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, io.UnsupportedOperation):
        return
