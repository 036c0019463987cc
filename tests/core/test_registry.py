from __future__ import annotations

from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from textgan.core import registry
from textgan.core.errors import UserError
from textgan.core.registry import KINDS, Component, components, find, load_plugin, register, suggest


def test_components_are_sorted_by_kind_and_name() -> None:
    found = [(list(KINDS).index(c.kind), c.name) for c in components()]
    assert found == sorted(found)
    assert len(found) == len(set(found))
    assert {c.kind for c in components()} == set(KINDS)
    assert [c.name for c in components("optimizer")] == ["adam", "adamw", "sgd"]


def test_a_component_is_found_and_loaded() -> None:
    found = find("loss", "bce")
    assert (found.kind, found.name, found.provider) == ("loss", "bce", "textgan")
    assert found.target == "textgan.losses.bce:Bce"
    from textgan.losses.bce import Bce

    assert found.load() is Bce


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UserError, match=r'^there is no loss "bcee"; did you mean "bce"\?$'):
        find("loss", "bcee")
    with pytest.raises(UserError, match=r'there is no optimizer "q"; expected one of: adam, adamw, sgd; .*--plugin'):
        find("optimizer", "q")


def test_names_are_looked_up_within_a_kind() -> None:
    assert find("reward", "adversarial").target != find("objective", "adversarial").target
    with pytest.raises(UserError, match='there is no loss "adam"'):
        find("loss", "adam")


def test_suggestions() -> None:
    assert suggest("rolout", ["rollout", "reinforce"]) == '; did you mean "rollout"?'
    assert suggest("x", ["rollout", "reinforce"]) == ""
    assert suggest("x", []) == ""


def test_a_name_that_is_provided_twice_is_an_error() -> None:
    @register("loss", "bce")
    def second() -> None: ...

    with pytest.raises(UserError, match=r'loss "bce" is provided twice, by textgan \S+ and test_registry\.py .*uninst'):
        find("loss", "bce")


def test_the_same_entry_point_found_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable installation beside an old one."""
    entry = SimpleNamespace(name="mine", value="module:Mine", dist=SimpleNamespace(name="plugin", version="1"))
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry, entry] if group == "textgan.losses" else [])
    registry._installed.cache_clear()
    try:
        assert components() == [Component("loss", "mine", "module:Mine", "plugin", "1")]
    finally:
        registry._installed.cache_clear()


def test_registering_again_replaces() -> None:
    """A notebook cell that is run twice."""

    def run_cell() -> type:
        @register("reward", "short")
        class Short: ...

        return Short

    first, second = run_cell(), run_cell()
    assert first is not second
    assert find("reward", "short").load() is second


def test_registering_returns_the_class_itself() -> None:
    class Mine: ...

    assert register("reward", "mine")(Mine) is Mine
    found = find("reward", "mine")
    assert (found.load(), found.provider, found.version) == (Mine, "test_registry.py", "")
    assert found.target.startswith(f"{__name__}:")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UserError, match='there is no kind "rewad"; did you mean "reward"'):
        register("rewad", "mine")
    with pytest.raises(UserError, match="expected one of: data, tokenizer, "):
        register("x", "mine")


@pytest.mark.parametrize(
    ("target", "message"),
    [("no_such_module:Mine", "No module named 'no_such_module'"), ("textgan.core.types:Mine", "no attribute 'Mine'")],
)
def test_a_component_that_cannot_be_imported_names_its_provider(target: str, message: str) -> None:
    with pytest.raises(UserError, match=f'loss "mine" of plugin 2.1 cannot be loaded from {target}: .*{message}'):
        Component("loss", "mine", target, "plugin", "2.1").load()


def test_a_plugin_file_registers_its_components(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text('from textgan import register\n\n@register("loss", "mine")\nclass Mine: ...\n', encoding="utf-8")
    load_plugin(file)
    found = find("loss", "mine")
    assert found.provider == "mine.py"
    assert found.load().__name__ == "Mine"
    load_plugin(file)
    assert find("loss", "mine").load() is not found.load()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.py", None, r"--plugin .*none\.py: there is no such file; expected a Python file"),
        ("mine.txt", "x = 1", r"--plugin .*mine\.txt: not a Python file; expected name\.py"),
        ("wrong.py", "1 / 0", r"--plugin .*wrong\.py: the file raises ZeroDivisionError: division by zero"),
        ("syntax.py", "class", r"--plugin .*syntax\.py: the file raises SyntaxError: "),
        (
            "kind.py",
            "import textgan\ntextgan.register('los', 'x')",
            r'the file raises UserError: there is no kind "los"',
        ),
    ],
)
def test_a_wrong_plugin_file_is_an_error(name: str, text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_plugin(tmp_path / name)


def test_a_folder_is_not_a_plugin_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        load_plugin(tmp_path)
