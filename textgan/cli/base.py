"""Defines what all commands share: help with examples, `--debug` in any position, plugins, common options."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class State:
    """Holds what applies to the whole call of the program.

    Args:
        debug: whether errors are shown with their traceback.
    """

    debug: bool = False


def examples(*lines: str) -> str:
    """Returns the epilog of a command's help, with one example per line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(State).debug = True


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_set_debug,
        help="Show the traceback of an error.",
    )


class Command(click.Command):
    """Adds `--debug` to a command, and explains the mistake of writing a setting as an option (`--lr=3`)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.append(_debug_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_settings = any(parameter.name == "settings" for parameter in self.params)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if takes_settings:
                hint = "Recipe settings are written without dashes: key=value, such as estimator.rollouts=4."
                raise click.UsageError(f"{error.message} {hint}", ctx) from error
            raise


class Group(click.Group):
    """Groups such commands; help lists them in the order in which they were added."""

    command_class = Command

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.append(_debug_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _translate_broken_pipe():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _translate_broken_pipe():
            return super().invoke(ctx)


class PipeClosed(BaseException):
    """The reader of stdout has closed the pipe. Not an OSError, which click would turn into exit code 1."""


@contextmanager
def _translate_broken_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise PipeClosed from error


def _load_plugins(_: click.Context, __: click.Parameter, files: Sequence[Path]) -> Sequence[Path]:
    from textgan.core import registry

    for file in files:
        registry.load_plugin(file)
    return files


def plugin_option(command: F) -> F:
    """Adds `--plugin FILE.py`, which runs the file so that recipes can name what it registers. Passed as `plugins`."""
    return click.option(
        "--plugin",
        "plugins",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE.py",
        is_eager=True,
        callback=_load_plugins,
        help="Run this Python file first; recipes can name the components it registers. Repeatable.",
    )(command)


def json_option(command: F) -> F:
    """Adds `--json`, which prints the result as one JSON document. Passed as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


class FiniteRange(click.FloatRange):
    """Accepts finite numbers in a range. Rejects nan, which is neither below nor above any bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def explicit_parameters(allowed: Container[str]) -> list[str]:
    """Returns the names of the arguments and options on the command line, except those in `allowed`."""
    context = click.get_current_context()
    given = [name for name in context.params if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]
    return [name for name in given if name not in allowed and context.params[name] not in (None, ())]


def sampling_options(command: F) -> F:
    """Adds the options that change the sampling distribution. Passed as `temperature`, `top_k` and `top_p`."""
    temperature = click.option(
        "--temperature",
        type=FiniteRange(0),
        default=1.0,
        show_default=True,
        metavar="T",
        help="Divides the logits: below 1 fewer errors and less diversity, above 1 the reverse; 0 is greedy decoding.",
    )
    top_k = click.option(
        "--top-k", type=click.IntRange(1), metavar="K", help="Sample from the K most probable tokens only."
    )
    top_p = click.option(
        "--top-p",
        type=FiniteRange(0, 1, min_open=True),
        metavar="P",
        help="Sample from the smallest set of most probable tokens whose probabilities sum to at least P.",
    )
    return temperature(top_k(top_p(command)))


def complete_recipe(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes files and the names of bundled recipes."""
    from textgan.recipe import bundled

    names = [CompletionItem(name) for name in bundled() if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *names]
