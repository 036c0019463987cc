"""Defines the `textgan` command group, which contains all commands."""

from __future__ import annotations

import click

from textgan import __version__
from textgan.cli.base import Group, examples
from textgan.cli.commands.check import check
from textgan.cli.commands.compare import compare
from textgan.cli.commands.completion import completion
from textgan.cli.commands.evaluate import evaluate
from textgan.cli.commands.init import init
from textgan.cli.commands.lab import lab
from textgan.cli.commands.list import list_
from textgan.cli.commands.new import new
from textgan.cli.commands.report import report
from textgan.cli.commands.run import run
from textgan.cli.commands.sample import sample
from textgan.cli.commands.show import show

COMMANDS: tuple[click.Command, ...] = (
    run,
    sample,
    evaluate,
    compare,
    report,
    lab,
    list_,
    show,
    check,
    init,
    new,
    completion,
)


@click.group(
    cls=Group,
    name="textgan",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "textgan run seqgan                          train on the built-in grammar, without downloads",
        "textgan run seqgan data.name=text data.path=captions.txt",
        "textgan sample runs/seqgan-... -n 20 --temperature 0.8",
        "textgan list                                list all components and recipes",
    ),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def textgan() -> None:
    """Adversarial text generation from YAML recipes: train, sample, evaluate, compare."""


for _command in COMMANDS:
    textgan.add_command(_command)

__all__ = ["COMMANDS", "textgan"]
