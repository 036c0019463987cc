"""`textgan list`."""

from __future__ import annotations

import json

import pytest

from textgan.cli.commands.list import recipe_summary
from textgan.core import registry


def test_list_shows_everything_by_kind(textgan):
    code, out, _ = textgan("list")
    assert code == 0
    assert "\x1b" not in out
    for heading in (*registry.KINDS.values(), "recipes"):
        assert f"\n{heading}\n" in f"\n{out}"
    for name in ("lstm", "rollout", "nll_oracle", "seqgan"):
        assert name in out


@pytest.mark.parametrize("kind", ["estimator", "estimators"])
def test_list_of_one_kind(textgan, kind):
    code, out, _ = textgan("list", kind)
    assert code == 0
    assert "rollout" in out
    assert "lstm" not in out


def test_list_as_json_is_one_document(textgan):
    sections = json.loads(textgan("list", "--json")[1])
    assert set(sections) == {*registry.KINDS.values(), "recipes"}
    lstm = next(row for row in sections["generators"] if row["name"] == "lstm")
    assert lstm["provider"].startswith("textgan ")
    assert lstm["summary"].endswith(".")


def test_a_broken_plugin_does_not_hide_the_others(textgan, monkeypatch):
    broken = registry.Component("generator", "broken", "no_such_module:Thing", "strange", "1.0")
    monkeypatch.setattr(registry, "_added", [broken])
    code, out, _ = textgan("list", "generators")
    assert code == 0
    assert "lstm" in out
    assert "cannot be" in out
    assert "none" not in out.splitlines()


def test_an_unknown_kind(textgan):
    code, out, err = textgan("list", "generatrs")
    assert (code, out) == (2, "")
    assert err.startswith("textgan: KIND=generatrs: unknown kind; expected one of data, tokenizers")
    assert 'did you mean "generator' in err
    assert "for one component: textgan show generatrs" in err


def test_a_kind_without_components(textgan, monkeypatch):
    monkeypatch.setattr(registry, "components", lambda kind=None: [])
    assert textgan("list", "trackers")[:2] == (0, "none\n")


def test_recipes_are_listed_with_their_first_comment(textgan):
    rows = json.loads(textgan("list", "recipes", "--json")[1])["recipes"]
    seqgan = next(row for row in rows if row["name"] == "seqgan")
    assert seqgan["summary"].startswith("SeqGAN")
    assert not seqgan["summary"].startswith("#")


def test_summary_of_a_recipe_without_a_comment(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("batch_size: 3\n# later\n", encoding="utf-8")
    assert recipe_summary(file) == ""
    file.write_text("\n#  A recipe.\nbatch_size: 3\n", encoding="utf-8")
    assert recipe_summary(file) == "A recipe."
