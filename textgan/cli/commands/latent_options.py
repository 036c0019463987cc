"""Defines the options of `textgan sample` for latent codes and for text with missing words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from textgan.runs.model import Model

F = TypeVar("F", bound=Callable[..., Any])
Operation = Callable[["Model", int, int | None], list[str]]

META_KEY = "textgan.latent_option"
CONFLICTING = ("temperature", "top_k", "top_p", "greedy", "max_len", "fill")
"""Options that control the sampling of new text, which the options of this module do not do."""


def _interpolate(texts: tuple[str, str], model: Model, count: int, _: int | None) -> list[str]:
    return model.interpolate(*texts, count)


def _reconstruct(text: str, model: Model, count: int, seed: int | None) -> list[str]:
    return model.reconstruct(text, count, seed)


def _impute(text: str, model: Model, count: int, seed: int | None) -> list[str]:
    return model.impute(text, count, seed)


OPERATIONS: dict[str, Callable[..., list[str]]] = {
    "interpolate": _interpolate,
    "reconstruct": _reconstruct,
    "impute": _impute,
}


def _store(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value is None:
        return
    earlier = context.meta.get(META_KEY)
    if earlier:
        raise click.UsageError(f"--{earlier[0]} and --{option.name} cannot be combined; give only one of them.")
    context.meta[META_KEY] = (option.name, value)


def latent_options(command: F) -> F:
    """Adds `--interpolate`, `--reconstruct` and `--impute`. Read them with `requested_operation`: none is passed on."""
    interpolate = click.option(
        "--interpolate",
        nargs=2,
        metavar="TEXT TEXT",
        expose_value=False,
        callback=_store,
        help="Decode -n points on the straight line between the latent codes of two texts.",
    )
    reconstruct = click.option(
        "--reconstruct",
        metavar="TEXT",
        expose_value=False,
        callback=_store,
        help="Decode the latent code of a text, then -n minus 1 samples from its posterior.",
    )
    impute = click.option(
        "--impute",
        metavar="TEXT",
        expose_value=False,
        callback=_store,
        help="Search the most probable words for each ___ in this text; best first.",
    )
    return interpolate(reconstruct(impute(command)))


def requested_operation() -> Operation | None:
    """Returns the requested operation, a function (model, count, seed) -> texts, or None if none was requested.

    Raises:
        click.UsageError: if an option was given that has no effect on the operation.
    """
    context = click.get_current_context()
    if META_KEY not in context.meta:
        return None
    name, value = context.meta[META_KEY]
    for option in CONFLICTING:
        if context.get_parameter_source(option) == click.core.ParameterSource.COMMANDLINE:
            flag = f"--{option.replace('_', '-')}"
            raise click.UsageError(f"{flag} has no effect with --{name}, which does not sample; leave out {flag}.")
    return partial(OPERATIONS[name], value)
