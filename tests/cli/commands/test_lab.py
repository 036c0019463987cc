from __future__ import annotations

import json
from pathlib import Path

import pytest

WRONG = '''
from textgan import register
from textgan.estimators.reinforce import Reinforce
from textgan.core.types import Loss

@register("estimator", "twice")
class Twice(Reinforce):
    """Twice the gradient."""

    def losses(self, generator, reward, batch):
        for value, stats in super().losses(generator, reward, batch):
            yield Loss(2 * value, stats)
'''
SMALL = ("--rows", 200, "--repeats", 10)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_table_and_a_verdict(textgan, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out, _ = textgan("lab", "reinforce", *SMALL)
    assert code == 0
    assert "unbiased," in out
    assert "declared" in out
    assert "10 batches of 200 sequences, seed 0" in out


def test_a_plugin_that_is_wrong_fails(textgan, tmp_path: Path):
    file = tmp_path / "twice.py"
    file.write_text(WRONG)
    code, out, _ = textgan("lab", "twice", "--plugin", file, "--json", *SMALL)
    assert code == 1
    found = json.loads(out)
    assert {row["adversarial"] for row in found} == {"FAIL: declares unbiased, is biased"}
    assert all(1.8 < row["measured"]["scale"] < 2.2 for row in found)


def test_what_is_typed_wrong_is_explained(textgan):
    code, _, err = textgan("lab", "reinforc")
    assert code == 2
    assert 'did you mean "reinforce"' in err
    code, _, err = textgan("lab", "rollouts=4")
    assert code == 2
    assert "name just that one" in err
    code, _, err = textgan("lab", "rollout", "rollouts=many", *SMALL)
    assert code == 2
    assert "rollouts" in err
