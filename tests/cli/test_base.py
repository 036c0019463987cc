"""What all commands share."""

from __future__ import annotations

import math
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from textgan.cli.base import (
    Command,
    FiniteRange,
    Group,
    PipeClosed,
    State,
    complete_recipe,
    examples,
    explicit_parameters,
    json_option,
    plugin_option,
    sampling_options,
)
from textgan.core import registry
from textgan.core.errors import UserError


def call(command: click.Command, *arguments: str) -> object:
    """Calls a command and returns its value."""
    return command.main(list(arguments), standalone_mode=False, obj=State())


def test_examples_are_not_wrapped() -> None:
    @click.command(cls=Command, epilog=examples("first   a", "second  " + "b" * 90))
    def command() -> None:
        """Do something."""

    shown = CliRunner().invoke(command, ["--help"]).output
    assert "  Examples:\n    first   a\n    second  " + "b" * 90 in shown


def test_settings_with_dashes_are_explained() -> None:
    @click.command(cls=Command)
    @click.argument("settings", nargs=-1)
    def command(settings: tuple[str, ...]) -> None: ...

    with pytest.raises(
        click.UsageError, match=r"^No such option '--lr'\. Recipe .* key=value, such as estimator\.rollouts=4\.$"
    ):
        call(command, "--lr=3")


def test_other_commands_do_not_mention_settings() -> None:
    @click.command(cls=Command)
    def command() -> None: ...

    with pytest.raises(click.NoSuchOption, match=r"No such option '--lr'\.$"):
        call(command, "--lr=3")


def test_debug_is_stored_in_the_state() -> None:
    @click.command(cls=Command)
    @click.pass_obj
    def command(state: State) -> bool:
        return state.debug

    assert call(command, "--debug") is True
    assert call(command) is False


def test_groups_keep_the_order_of_commands_and_translate_broken_pipes() -> None:
    @click.group(cls=Group)
    def group() -> None: ...

    @group.command()
    def zebra() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    @group.command()
    def ant() -> None: ...

    assert group.list_commands(None) == ["zebra", "ant"]  # type: ignore[arg-type]
    assert isinstance(zebra, Command)
    with pytest.raises(PipeClosed):
        call(group, "zebra")


def test_explicit_parameters_are_those_on_the_command_line() -> None:
    @click.command(cls=Command)
    @click.argument("names", nargs=-1)
    @click.option("--count", default=3)
    @click.option("--quiet", is_flag=True)
    def command(names: tuple[str, ...], count: int, quiet: bool) -> list[str]:
        return explicit_parameters({"quiet"})

    assert call(command) == []
    assert call(command, "--quiet") == []
    assert call(command, "--count", "3", "--quiet") == ["count"]
    assert set(call(command, "a", "--count", "4")) == {"names", "count"}  # type: ignore[call-overload]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "x"])
def test_finite_range_refuses(value: str) -> None:
    with pytest.raises(click.BadParameter):
        FiniteRange(0).convert(value, None, None)


def test_finite_range_accepts() -> None:
    assert FiniteRange(0).convert("0.5", None, None) == 0.5
    assert math.isclose(FiniteRange(0, 1, min_open=True).convert("1", None, None), 1)


def test_sampling_and_json_options() -> None:
    @click.command(cls=Command)
    @sampling_options
    @json_option
    def command(**options: object) -> dict[str, object]:
        return options

    assert call(command) == {"temperature": 1.0, "top_k": None, "top_p": None, "as_json": False}
    found = call(command, "--temperature", "0", "--top-k", "2", "--top-p", "0.5", "--json")
    assert found == {"temperature": 0.0, "top_k": 2, "top_p": 0.5, "as_json": True}
    for wrong in (("--temperature", "-1"), ("--top-k", "0"), ("--top-p", "0"), ("--top-p", "1.1")):
        with pytest.raises(click.BadParameter):
            call(command, *wrong)


def test_plugins_are_loaded_before_the_command(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import textgan\n\n@textgan.register('metric', 'base_test')\ndef metric(): ...\n")

    @click.command(cls=Command)
    @plugin_option
    def command(plugins: tuple[Path, ...]) -> tuple[tuple[Path, ...], bool]:
        return plugins, any(component.name == "base_test" for component in registry.components("metric"))

    assert call(command, "--plugin", str(file)) == ((file,), True)
    with pytest.raises(UserError, match=r"missing\.py"):
        call(command, "--plugin", str(tmp_path / "missing.py"))


def test_recipes_are_completed_after_files() -> None:
    items = complete_recipe(None, None, "seqg")  # type: ignore[arg-type]
    assert (items[0].value, items[0].type) == ("seqg", "file")
    assert "seqgan" in [item.value for item in items[1:]]
    assert all(item.value.startswith("seqg") for item in items)
