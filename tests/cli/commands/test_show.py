"""`textgan show`."""

from __future__ import annotations

import json

import pytest

from textgan.cli.commands.show import _format
from textgan.core import registry
from textgan.recipe import bundled


def test_show_a_component(textgan):
    code, out, _ = textgan("show", "rollout")
    assert code == 0
    for text in ("estimator", "arXiv:1609.05473", "rollouts", "16", "leave_one_out", "reward_granularity: sequence"):
        assert text in out, text
    assert "textgan 0." in out
    described = json.loads(textgan("show", "rollout", "--json")[1])
    rollouts = next(option for option in described["options"] if option["name"] == "rollouts")
    assert (rollouts["default"], rollouts["required"]) == (16, False)
    assert described["traits"]["reward_granularity"] == ["sequence"]


def test_show_a_recipe_is_its_text(textgan):
    assert textgan("show", "seqgan")[1] == bundled()["seqgan"].read_text(encoding="utf-8")


def test_plugins_can_be_listed_shown_and_named(textgan, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_added", [])
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "import textgan\n\n@textgan.register('reward', 'mine_only')\nclass Mine:\n"
        "    '''Rewards [bold]nothing[/].\\n\\n    Args:\\n        size: how much.\\n    '''\n"
        "    input_spaces = frozenset({'ids'})\n    granularity = 'sequence'\n    differentiable = False\n"
        "    def __init__(self, size: int = 3) -> None: ...\n"
    )
    assert "mine_only" in textgan("list", "rewards", "--plugin", plugin)[1]
    assert "Rewards [bold]nothing[/]." in textgan("show", "mine_only", "--plugin", plugin)[1]
    code, out, _ = textgan("check", "seqgan", "reward=mine_only", "--plugin", plugin)
    assert code == 0
    assert "mine_only (size 3)" in out


def test_a_name_of_several_kinds_shows_all_of_them(textgan):
    documents = json.loads(textgan("show", "bleu", "--json")[1])
    assert [document["kind"] for document in documents] == ["reward", "metric"]
    out = textgan("show", "bleu")[1]
    assert "bleu  reward" in out
    assert "bleu  metric" in out


def test_an_unknown_name(textgan):
    code, out, err = textgan("show", "rolout")
    assert (code, out) == (2, "")
    assert err.startswith("textgan: NAME=rolout: unknown name; expected a component or a bundled recipe")
    assert 'did you mean "rollout"' in err


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (frozenset({"b", "a"}), "a, b"),
        (frozenset(), "none"),
        ([1, False], "[1, false]"),
        ({"a": None}, "a: null"),
        (0.5, "0.5"),
    ],
)
def test_values_are_formatted_as_in_recipes(value, text):
    assert _format(value) == text
