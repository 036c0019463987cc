"""The keys of a recipe that are not components."""

from __future__ import annotations

import pytest

from textgan.core import registry
from textgan.core.spec import MISSING, Option
from textgan.recipe import schema
from textgan.recipe.values import problem

TABLES = {
    "run": schema.RUN, "phase": schema.PHASE, "turn": schema.TURN, "optimizer": schema.OPTIMIZER, **schema.SECTIONS
}  # fmt: skip
OPTIONS = [pytest.param(o, id=f"{table}.{o.name}") for table, options in TABLES.items() for o in options.values()]


@pytest.mark.parametrize("option", OPTIONS)
def test_defaults_are_valid_and_options_are_documented(option: Option) -> None:
    assert option.default is MISSING or problem(option.default, option.type) is None
    assert option.doc.endswith(".")
    assert problem(object(), option.type) is not None


def test_what_a_phase_needs() -> None:
    assert [name for name, option in schema.PHASE.items() if option.default is MISSING] == ["rounds", "turns"]
    assert problem(0, schema.PHASE["rounds"].type) is None
    assert problem(-1, schema.PHASE["rounds"].type) == "expected at least 0, found -1"


@pytest.mark.parametrize(
    ("turns", "valid"),
    [({"a": {"objective": "b"}}, True), (["likelihood"], True), ([], True), ("likelihood", False), (3, False)],
)
def test_turns_are_a_mapping_or_a_list(turns: object, valid: bool) -> None:
    assert (problem(turns, schema.PHASE["turns"].type) is None) is valid


@pytest.mark.parametrize(
    ("updates", "valid"),
    [(["generator"], True), ({"generator": "policy"}, True), (None, True), ("generator", False), ([1], False)],
)
def test_updates_are_players_or_players_with_optimizers(updates: object, valid: bool) -> None:
    assert (problem(updates, schema.TURN["updates"].type) is None) is valid


def test_every_key_has_one_meaning() -> None:
    groups = (schema.RUN, schema.BLOCKS, schema.SECTIONS, schema.LISTS, ("extends", "optimizers", "phases", "controls"))
    names = [name for group in groups for name in group]
    assert sorted(names) == sorted(schema.KEYS)
    assert len(set(names)) == len(names)


def test_blocks_lists_and_default_names_are_components() -> None:
    assert set(schema.BLOCKS) | set(schema.LISTS.values()) <= registry.KINDS.keys()
    for kind, name in {**schema.DEFAULT_NAMES, "optimizer": schema.DEFAULT_OPTIMIZER}.items():
        assert registry.find(kind, name)
