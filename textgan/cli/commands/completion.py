"""Implements `textgan completion`, which prints a shell's completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from textgan.cli.base import Command, examples

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    epilog=examples(
        'eval "$(textgan completion bash)"                                    in ~/.bashrc',
        'eval "$(textgan completion zsh)"                                     in ~/.zshrc',
        "textgan completion fish > ~/.config/fish/completions/textgan.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    SHELL is bash, zsh or fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "textgan", "_TEXTGAN_COMPLETE").source())
