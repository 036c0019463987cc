"""What all commands share: help that shows examples, `--debug` anywhere, plugins, settings."""

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
    """What the whole command line knows of its call."""

    debug: bool = False


def examples(*lines: str) -> str:
    """The foot of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def _remember_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(State).debug = True


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=_remember_debug,
        help="Show the traceback of an error.",
    )


class Command(click.Command):
    """A command with `--debug`; a setting that was written like an option (`--lr=3`) is explained."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.append(_debug_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_settings = any(parameter.name == "settings" for parameter in self.params)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if takes_settings:
                hint = "A setting of the recipe has no dashes: key=value, such as estimator.rollouts=4."
                raise click.UsageError(f"{error.format_message()} {hint}", ctx) from error
            raise


class Group(click.Group):
    """A group of such commands, listed in the order in which they were added."""

    command_class = Command

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.append(_debug_option())

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _pipe_watched():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _pipe_watched():
            return super().invoke(ctx)


class PipeClosed(BaseException):
    """Whoever read the output has gone. No OSError, which click would turn into exit code 1."""


@contextmanager
def _pipe_watched() -> Iterator[None]:
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
    """`--plugin FILE.py`: runs the file, so that a recipe can name what it registers. Passed on."""
    return click.option(
        "--plugin",
        "plugins",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE.py",
        is_eager=True,
        callback=_load_plugins,
        help="Run this Python file first: what it registers can be named. Repeatable.",
    )(command)


def json_option(command: F) -> F:
    """`--json`: the result as one JSON document."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


class Finite(click.FloatRange):
    """A number in a range; nan, which is neither below nor above anything, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no number.", param, ctx)
        return found


def given_beside(free: Container[str]) -> list[str]:
    """The command's arguments and options that were given, but for those that may be."""
    context = click.get_current_context()
    told = [name for name in context.params if context.get_parameter_source(name) == ParameterSource.COMMANDLINE]
    return [name for name in told if name not in free and context.params[name] not in (None, ())]


def draw_options(command: F) -> F:
    """How words are drawn: passed on as temperature, top_k, top_p."""
    temperature = click.option(
        "--temperature",
        type=Finite(0),
        default=1.0,
        show_default=True,
        metavar="T",
        help="Below 1 is safer and duller, above 1 wilder; 0 takes the likeliest word each time.",
    )
    top_k = click.option("--top-k", type=click.IntRange(1), metavar="K", help="TokenSampler from the K likeliest words only.")
    top_p = click.option(
        "--top-p",
        type=Finite(0, 1, min_open=True),
        metavar="P",
        help="TokenSampler from the likeliest words that hold this share of the probability.",
    )
    return temperature(top_k(top_p(command)))


def complete_recipe(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files, and the recipes that come with the toolkit."""
    from textgan.recipe import bundled

    names = [CompletionItem(name) for name in bundled() if name.startswith(incomplete)]
    return [CompletionItem(incomplete, type="file"), *names]
