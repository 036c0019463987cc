"""What `textgan sample` can do with a generator's codes, and with text that is not all there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from textgan.runs.model import Model

F = TypeVar("F", bound=Callable[..., Any])
Answer = Callable[["Model", int, int | None], list[str]]

ASKED = "textgan.asked"
IDLE = ("temperature", "top_k", "top_p", "greedy", "max_len", "fill")
"""Options that say how new text is drawn: nothing here is."""


def _interpolated(texts: tuple[str, str], model: Model, count: int, _: int | None) -> list[str]:
    return model.interpolate(*texts, count)


def _reconstructed(text: str, model: Model, count: int, seed: int | None) -> list[str]:
    return model.reconstruct(text, count, seed)


def _imputed(text: str, model: Model, count: int, seed: int | None) -> list[str]:
    return model.impute(text, count, seed)


ANSWERS: dict[str, Callable[..., list[str]]] = {
    "interpolate": _interpolated,
    "reconstruct": _reconstructed,
    "impute": _imputed,
}


def _remember(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value is None:
        return
    earlier = context.meta.get(ASKED)
    if earlier:
        raise click.UsageError(f"--{earlier[0]} and --{option.name} each ask for texts of their own; give one of them.")
    context.meta[ASKED] = (option.name, value)


def code_options(command: F) -> F:
    """`--interpolate`, `--reconstruct`, `--impute`: not passed on, but found by `asked`."""
    interpolate = click.option(
        "--interpolate",
        nargs=2,
        metavar="TEXT TEXT",
        expose_value=False,
        callback=_remember,
        help="-n texts on the straight line between the codes of two.",
    )
    reconstruct = click.option(
        "--reconstruct",
        metavar="TEXT",
        expose_value=False,
        callback=_remember,
        help="A text written again from its code, then from draws of its posterior.",
    )
    impute = click.option(
        "--impute",
        metavar="TEXT",
        expose_value=False,
        callback=_remember,
        help="The likeliest words found for each ___ in this text, best first.",
    )
    return interpolate(reconstruct(impute(command)))


def asked() -> Answer | None:
    """What one of these options asks for: model, count, seed -> texts. None where none was given.

    Raises:
        click.UsageError: if an option stands beside it that could not matter.
    """
    context = click.get_current_context()
    if ASKED not in context.meta:
        return None
    name, value = context.meta[ASKED]
    for idle in IDLE:
        if context.get_parameter_source(idle) == click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} draws no new text; leave out --{idle.replace('_', '-')}.")
    return partial(ANSWERS[name], value)
