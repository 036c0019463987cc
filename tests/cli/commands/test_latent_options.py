"""`textgan sample RUN --interpolate, --reconstruct, --impute`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from textgan.cli import main

RECIPE = """\
data: {{name: text, path: {path}}}
batch_size: 16
generator: {{name: vae, embed_dim: 16, hidden_dim: 32, latent_dim: 4, kl_weight: 0.05, word_dropout: 0.9}}
optimizers: {{generator: {{lr: 1e-2}}}}
phases: {{train: {{rounds: 300, turns: [likelihood]}}}}
evaluate: {{samples: 12}}
"""
VOICES = {"dog": "barks", "cat": "purrs"}
LINES = [f"{a} {who} {voice}" for who, voice in VOICES.items() for a in "abcdefghijkl"]


@pytest.fixture(scope="module")
def coder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a VAE that has learned who barks and who purrs, with all metrics of such a recipe."""
    home = tmp_path_factory.mktemp("coder")
    (home / "lines.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    (home / "vae.yaml").write_text(RECIPE.format(path=home / "lines.txt"), encoding="utf-8")
    assert main(["run", str(home / "vae.yaml"), "--out", str(home / "run"), "--quiet"]) == 0
    return home / "run"


def test_a_run_measures_its_latent_codes_and_names_the_bound(coder: Path) -> None:
    column = json.loads((coder / "summary.json").read_text(encoding="utf-8"))["columns"]["train"]
    assert {"active_units", "kl", "nll_test_bound", "reconstructed"} <= set(column)
    assert "nll_test" not in column
    assert column["active_units"] >= 1
    assert column["kl"] > 1


def test_interpolation_leads_from_one_text_to_the_other(textgan, coder):
    code, out, err = textgan("sample", coder, "--interpolate", "a dog barks", "b cat purrs", "-n", 6)
    assert (code, err) == (0, "")
    ends = [line.split()[1:] for line in out.splitlines()]
    assert (len(ends), ends[0], ends[-1]) == (6, ["dog", "barks"], ["cat", "purrs"])
    assert textgan("sample", coder, "--interpolate", "a dog barks", "b cat purrs", "-n", 6)[1] == out


def test_a_text_is_reconstructed(textgan, coder):
    code, out, _ = textgan("sample", coder, "--reconstruct", "A cat purrs", "-n", 4, "--seed", 0, "--json")
    assert code == 0
    texts = json.loads(out)
    assert len(texts) == 4
    assert texts[0].endswith(" cat purrs")
    assert (
        json.loads(textgan("sample", coder, "--reconstruct", "a cat purrs", "-n", 4, "--seed", 0, "--json")[1]) == texts
    )


@pytest.mark.parametrize(("who", "voice"), VOICES.items())
def test_missing_words_are_imputed_from_the_words_after_them(textgan, coder, voice, who):
    code, out, _ = textgan("sample", coder, "--impute", f"___ ___ {voice}", "-n", 3, "--seed", 0)
    assert code == 0
    assert [line.split()[1:] for line in out.splitlines()] == [[who, voice]] * 3
    assert len(set(out.splitlines())) == 3
    assert textgan("sample", coder, "--impute", f"___ ___ {voice}", "-n", 3, "--seed", 0)[1] == out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--interpolate", "a dgo barks", "a"), 'the word "dgo" is not in the vocabulary'),
        (("--interpolate", "a", "a", "-n", 1), "count=1: too few points; expected 2 or more"),
        (("--reconstruct", "  "), "has no words; give at least one"),
        (("--reconstruct", "a a a a a a"), "has 6 words"),
        (("--impute", "a dog barks"), "has no blank"),
        (("--impute", "a ___ wolf"), '"wolf"'),
        (("--impute", "a ___", "--reconstruct", "a"), "--impute and --reconstruct"),
        (("--impute", "a ___", "--fill", "a ___"), "--fill"),
        (("--reconstruct", "a", "--temperature", 0.5), "--temperature has no effect with --reconstruct"),
        (("--interpolate", "a", "a", "--max-len", 3), "leave out --max-len"),
        (("--interpolate", "a"), "2 arguments"),
    ],
)
def test_invalid_requests_are_explained(textgan, coder, arguments, message):
    code, out, err = textgan("sample", coder, *arguments)
    assert code != 0
    assert out == ""
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("option", [("--interpolate", "the dog", "the cat"), ("--reconstruct", "the dog")])
def test_a_generator_without_latent_codes_is_refused(textgan, finished, option):
    code, _, err = textgan("sample", finished, *option)
    assert code != 0
    assert "needs a generator that offers codes" in err
    assert "vae" in err


def test_a_generator_without_latent_codes_imputes_by_its_likelihood(textgan, finished):
    code, out, _ = textgan("sample", finished, "--impute", "the ___ sees the dog", "-n", 3, "--seed", 0)
    assert code == 0
    assert all(line.startswith("the ") and line.endswith(" sees the dog") for line in out.splitlines())
    assert len(out.splitlines()) == 3
