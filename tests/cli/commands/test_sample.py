"""`textgan sample RUN --fill`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from textgan.cli import main

RECIPE = """\
data: {{name: text, path: {path}}}
batch_size: 8
blanks: {{name: random, whole: 0.2}}
generator: {{name: infill, embed_dim: 16, hidden_dim: 16}}
optimizers: {{generator: {{lr: 2e-2}}}}
phases: {{pretrain-g: {{steps: 200, turns: [likelihood]}}}}
evaluate: {{samples: 12, metrics: [nll_test]}}
"""


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned that who barks is a dog, and who purrs a cat: told by the last word alone."""
    home = tmp_path_factory.mktemp("filler")
    voices = {"dog": "barks", "cat": "purrs"}
    lines = [f"{a} {b} {who} {voice}" for who, voice in voices.items() for a in "abcde" for b in "vwxyz"]
    (home / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "fill.yaml").write_text(RECIPE.format(path=home / "lines.txt"), encoding="utf-8")
    assert main(["run", str(home / "fill.yaml"), "--out", str(home / "run"), "--quiet"]) == 0
    return home / "run"


def test_blanks_are_filled_and_all_else_is_kept(textgan, filler):
    code, out, _ = textgan("sample", filler, "--fill", "A ___ dog ___", "-n", 7, "--seed", 0)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert len(lines) == 7
    assert all(len(line) == 4 and line[0] == "a" and line[2] == "dog" for line in lines)
    assert textgan("sample", filler, "--fill", "A ___ dog ___", "-n", 7, "--seed", 0)[1] == out
    assert len(set(out.splitlines())) > 1


@pytest.mark.parametrize(("voice", "who"), [("barks", "dog"), ("purrs", "cat")])
def test_it_looks_at_what_stands_behind_the_blank(textgan, filler, voice, who):
    code, out, _ = textgan("sample", filler, "--fill", f"c w ___ {voice}", "-n", 3, "--greedy", "--json")
    assert code == 0
    assert json.loads(out) == [f"c w {who} {voice}"] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [("a b dog", "no blank"), ("a ___ wolf", '"wolf"'), ("a ___ a a a a a", "has 7 words, but the longest")],
)
def test_what_cannot_be_filled_is_said(textgan, filler, text, said):
    code, out, err = textgan("sample", filler, "--fill", text)
    assert code != 0
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_a_generator_that_writes_left_to_right_is_refused(textgan, finished):
    code, _, err = textgan("sample", finished, "--fill", "the ___ sees the dog")
    assert code != 0
    assert 'fill needs a generator that offers infilling; "lstm" does not (infill would do)' in err
