"""`textgan check`."""

from __future__ import annotations

import json

import pytest

from textgan.cli.commands.check import describe_component
from textgan.recipe import load


def test_check_reports_ok_or_every_problem(textgan, recipe):
    code, out, _ = textgan("check", recipe)
    assert code == 0
    assert ": ok\n" in out
    assert "pretrain-g: 3 rounds of likelihood -> generator" in out
    code, out, err = textgan("check", recipe, "seed=-1", "estimator=nothing")
    assert (code, out) == (2, "")
    assert "2 problems" in err


def test_check_filled_is_a_recipe(textgan, recipe, tmp_path):
    filled = tmp_path / "filled.yaml"
    filled.write_text(textgan("check", recipe, "--filled")[1])
    assert load(filled).filled == load(recipe).filled
    assert json.loads(textgan("check", recipe, "--json")[1])["recipe"]["batch_size"] == 4


def test_json_of_a_valid_recipe(textgan, recipe):
    document = json.loads(textgan("check", recipe, "--json")[1])
    assert (document["ok"], document["name"], document["file"]) == (True, "tiny", str(recipe))


def test_only_a_file_extends(textgan, recipe):
    code, _, err = textgan("check", recipe, "extends=mle")
    assert code == 2
    assert "extends=mle: only a file can extend another recipe; run mle instead" in err


def test_turns_can_be_changed_by_name(textgan, recipe):
    code, out, _ = textgan("check", recipe, "phases.adversarial.turns.discriminate.times=3")
    assert code == 0
    assert "adversarial: 2 rounds of adversarial -> generator, discriminate x 3 -> discriminator" in out


@pytest.mark.parametrize(
    ("text", "expected"),
    [("data: {name: te\0xt}", "not YAML"), ("a: " + "[" * 3000, "nested"), ("a: " + "1" * 5000, "read")],
)
def test_an_unreadable_recipe_is_named(textgan, tmp_path, text, expected):
    file = tmp_path / "odd.yaml"
    file.write_text(text, encoding="utf-8")
    code, _, err = textgan("check", file)
    assert code == 2
    assert "odd.yaml" in err
    assert expected in err


def test_a_position_in_a_list_is_a_decimal_number(textgan, recipe):
    assert textgan("check", recipe, "evaluate.metrics.1.name=bleu")[0] == 0
    code, _, err = textgan("check", recipe, "evaluate.metrics.².name=bleu")
    assert code == 2
    assert "expected a position from 0 to 1, found ²" in err


def test_components_are_described_with_all_options():
    block = {"name": "x", "a": None, "b": 0.5, "c": "long " * 20}
    assert describe_component(block) == f"x (a none, b 0.5, c {('long ' * 20)[:37]}...)"
    assert describe_component({"name": "x"}) == "x"


def test_rare_turns_are_described(textgan, recipe):
    out = textgan("check", recipe, "phases.adversarial.turns.adversarial.every=2")[1]
    assert "adversarial every 2 rounds -> generator" in out
