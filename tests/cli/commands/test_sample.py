"""`textgan sample`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from textgan.cli import main

RECIPE = """\
data: {{name: text, path: {path}}}
batch_size: 8
blanks: {{name: random, full_blank_rate: 0.2}}
generator: {{name: infill, embed_dim: 16, hidden_dim: 16}}
optimizers: {{generator: {{lr: 2e-2}}}}
phases: {{pretrain-g: {{rounds: 200, turns: [likelihood]}}}}
evaluate: {{samples: 12, metrics: [nll_test]}}
"""


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned: before "barks" comes "dog", before "purrs" comes "cat". Only the last word tells."""
    home = tmp_path_factory.mktemp("filler")
    voices = {"dog": "barks", "cat": "purrs"}
    lines = [f"{a} {b} {who} {voice}" for who, voice in voices.items() for a in "abcde" for b in "vwxyz"]
    (home / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (home / "fill.yaml").write_text(RECIPE.format(path=home / "lines.txt"), encoding="utf-8")
    assert main(["run", str(home / "fill.yaml"), "--out", str(home / "run"), "--quiet"]) == 0
    return home / "run"


def test_blanks_are_filled_and_other_words_are_kept(textgan, filler):
    code, out, _ = textgan("sample", filler, "--fill", "A ___ dog ___", "-n", 7, "--seed", 0)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert len(lines) == 7
    assert all(len(line) == 4 and line[0] == "a" and line[2] == "dog" for line in lines)
    assert textgan("sample", filler, "--fill", "A ___ dog ___", "-n", 7, "--seed", 0)[1] == out
    assert len(set(out.splitlines())) > 1


@pytest.mark.parametrize(("voice", "who"), [("barks", "dog"), ("purrs", "cat")])
def test_a_blank_depends_on_the_words_after_it(textgan, filler, voice, who):
    code, out, _ = textgan("sample", filler, "--fill", f"c w ___ {voice}", "-n", 3, "--greedy", "--json")
    assert code == 0
    assert json.loads(out) == [f"c w {who} {voice}"] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [("a b dog", "no blank"), ("a ___ wolf", '"wolf"'), ("a ___ a a a a a", "has 7 words, but the longest")],
)
def test_a_text_that_cannot_be_filled(textgan, filler, text, message):
    code, out, err = textgan("sample", filler, "--fill", text)
    assert code != 0
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_a_left_to_right_generator_cannot_fill(textgan, finished):
    code, _, err = textgan("sample", finished, "--fill", "the ___ sees the dog")
    assert code != 0
    assert 'fill needs a generator that offers infilling; "lstm" does not; expected one such as infill' in err


def test_sample(textgan, finished):
    code, out, err = textgan("sample", finished, "-n", 5, "--seed", 1)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == 5
    texts = json.loads(textgan("sample", finished, "-n", 5, "--seed", 1, "--json")[1])
    assert texts == out.splitlines()
    assert len(set(textgan("sample", finished, "-n", 3, "--greedy")[1].splitlines())) == 1
    assert textgan("sample", finished, "-n", 2, "--max-len", 1, "--top-k", 3)[0] == 0


def test_sampled_text_cannot_steer_the_terminal(textgan, finished, monkeypatch):
    from textgan.runs.model import Model

    hostile = ["\x1b[31mred\x1b]0;title\x07", "a\nb", "\u202egnp.exe"]
    monkeypatch.setattr(Model, "sample", lambda *_, **__: hostile)
    assert textgan("sample", finished)[1] == "\\x1b[31mred\\x1b]0;title\\x07\na\\nb\n\\u202egnp.exe\n"
    written = textgan("sample", finished, "--json")[1]
    assert json.loads(written) == hostile
    assert written.isascii()
    assert "\x1b" not in written


def test_an_unavailable_device(textgan, finished):
    code, _, err = textgan("sample", finished, "--device", "banana")
    assert code == 2
    assert "device=banana: not available" in err


@pytest.mark.parametrize("option", ["--temperature", "--top-k", "--top-p"])
def test_greedy_excludes_sampling_options(textgan, tmp_path, option):
    code, out, err = textgan("sample", tmp_path, "--greedy", option, 1)
    assert (code, out) == (2, "")
    assert f"{option} has no effect with --greedy, which does not sample; leave out {option}." in err


def test_a_folder_without_a_run(textgan, tmp_path):
    for folder, message in ((tmp_path / "nothing", "folder not found"), (tmp_path, "not a run")):
        code, out, err = textgan("sample", folder)
        assert (code, out) == (2, "")
        assert f"{folder}: {message}" in err
