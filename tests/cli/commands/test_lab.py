from __future__ import annotations

import json
from pathlib import Path

import pytest

WRONG = '''
from textgan import register
from textgan.estimators.reinforce import Reinforce
from textgan.types import Loss

@register("estimator", "twice")
class Twice(Reinforce):
    """Twice the gradient."""

    def losses(self, generator, reward, batch):
        for value, stats in super().losses(generator, reward, batch):
            yield Loss(2 * value, stats)
'''
SMALL = ("--rows", 200, "--repeats", 10)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_table_ends_with_verdicts(textgan, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = textgan("lab", "reinforce", *SMALL)
    assert code == 0
    assert "unbiased," in out
    assert "declared" in out
    assert "10 batches of 200 sequences, seed 0" in out


def test_a_biased_plugin_fails(textgan, tmp_path: Path):
    file = tmp_path / "twice.py"
    file.write_text(WRONG)
    code, out, _ = textgan("lab", "twice", "--plugin", file, "--json", *SMALL)
    assert code == 1
    found = json.loads(out)
    assert {row["verdict"] for row in found} == {"FAIL: declares unbiased, is biased"}
    assert all(1.8 < row["measured"]["scale"] < 2.2 for row in found)


def test_invalid_arguments_are_explained(textgan):
    code, _, err = textgan("lab", "reinforc")
    assert code == 2
    assert 'did you mean "reinforce"' in err
    code, _, err = textgan("lab", "rollouts=4")
    assert code == 2
    assert "rollouts=4: is an option of one estimator; expected a single name before it" in err
    code, _, err = textgan("lab", "rollout", "rollouts=many", *SMALL)
    assert code == 2
    assert "rollouts" in err


@pytest.mark.parametrize(
    ("plot", "message"), [("x.txt", "ends in .svg, .png or .pdf"), ("nowhere/x.svg", "expected an existing folder")]
)
def test_a_plot_that_cannot_be_written_is_refused_before_the_work(textgan, tmp_path, plot, message):
    code, out, err = textgan("lab", "reinforce", "--plot", tmp_path / plot)
    assert (code, out) == (2, "")
    assert err.startswith(f"textgan: --plot={tmp_path / plot}: ")
    assert message in err


@pytest.mark.slow
def test_a_plot_is_saved(textgan, tmp_path):
    code, _, err = textgan("lab", "reinforce", *SMALL, "--plot", tmp_path / "lab.svg")
    assert code == 0
    assert f"plot saved to {tmp_path / 'lab.svg'}" in err
    assert (tmp_path / "lab.svg").read_text().startswith("<?xml")
