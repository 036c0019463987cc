"""The command group contains all commands."""

from __future__ import annotations

import click
import pytest

from textgan.cli import group
from textgan.cli.base import Command
from textgan.cli.group import COMMANDS


def test_help_lists_all_commands_in_order() -> None:
    names = [
        "run",
        "sample",
        "evaluate",
        "compare",
        "report",
        "lab",
        "list",
        "show",
        "check",
        "init",
        "new",
        "completion",
    ]
    assert [command.name for command in COMMANDS] == names
    assert group.textgan.list_commands(None) == names  # type: ignore[arg-type]


def test_without_a_command_help_is_shown(textgan) -> None:
    code, out, err = textgan()
    assert code == 2
    assert "Usage: textgan [OPTIONS] COMMAND [ARGS]..." in out + err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_option_and_command_has_help(command) -> None:
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert (parameter.help or "").endswith("."), parameter.name
        elif isinstance(command, Command):
            name = parameter.human_readable_name.strip("[].")
            assert f"\n    {name} " in command.help or f" {name} " in command.help, parameter.name


def test_summaries_fit_into_the_list_of_commands(textgan) -> None:
    out = textgan("--help")[1]
    for command in COMMANDS:
        summary = (command.help or "").split("\n")[0]
        assert f"{summary}\n" in out, command.name
