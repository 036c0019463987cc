"""`textgan evaluate`."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from textgan.cli.commands.evaluate import _metric_blocks
from textgan.recipe import load

PLUGIN = """\
import textgan
from textgan.roles import Metric


@textgan.register("metric", "mean_score")
class MeanScore(Metric):
    def __init__(self, discriminator):
        self.discriminator = discriminator

    def __call__(self, evaluation):
        return {}
"""


def test_evaluate_repeats_the_last_values_of_the_run(textgan, finished):
    summary = json.loads((finished / "summary.json").read_text())
    code, out, err = textgan("evaluate", finished, "--json")
    assert (code, err) == (0, "")
    measured = json.loads(out)
    assert measured["values"] == pytest.approx(summary["columns"]["adversarial"])
    assert (measured["samples"], measured["seed"]) == (12, 0)


def test_evaluate_with_other_metrics_and_samples(textgan, finished):
    code, out, _ = textgan("evaluate", finished, "--metrics", "unique,distinct", "--samples", 7, "--temperature", 0.5)
    assert code == 0
    assert "7 samples" in out
    assert "distinct1 ↑" in out
    assert "nll_test" not in out
    assert "likelihoods are those of the unchanged model" in out
    code, _, err = textgan("evaluate", finished, "--metrics", "nll_oracle")
    assert code == 2
    assert '"nll_oracle" needs oracle' in err
    assert 'did you mean "bleu"' in textgan("evaluate", finished, "--metrics", "blue")[2]


def test_evaluate_refuses_changed_data(textgan, finished):
    lines = finished.parent / "lines.txt"
    old = lines.read_text()
    try:
        lines.write_text(old.replace("dog", "cow") + "a horse sleeps\n" * 9)
        code, out, err = textgan("evaluate", finished)
    finally:
        lines.write_text(old)
    assert (code, out) == (2, "")
    assert "the data of its recipe have changed" in err


@pytest.mark.parametrize(("option", "value"), [("--temperature", "nan"), ("--temperature", "inf"), ("--top-p", "nan")])
def test_sampling_options_are_finite(textgan, finished, option, value):
    for command in ("sample", "evaluate"):
        code, out, err = textgan(command, finished, option, value)
        assert (code, out) == (2, "")
        assert f"Invalid value for '{option}': {value} is not a finite number." in err


def test_a_metric_that_requires_an_unsaved_object(textgan, finished, tmp_path):
    """A plugin's metric may require an object that only training has, such as the discriminator."""
    plugin = tmp_path / "scores.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    code, out, err = textgan("evaluate", finished, "--metrics", "mean_score", "--plugin", plugin)
    assert (code, out) == (2, "")
    assert err == (
        "textgan: --metrics=mean_score: requires the discriminator, which is not saved with a finished model; "
        "choose other metrics with --metrics\n"
    )


def test_the_seed_can_be_chosen(textgan, finished):
    other = json.loads(textgan("evaluate", finished, "--json", "--seed", 5)[1])
    assert other["seed"] == 5
    assert other == json.loads(textgan("evaluate", finished, "--json", "--seed", 5)[1])
    assert other["values"] != json.loads(textgan("evaluate", finished, "--json")[1])["values"]


def test_named_metrics_keep_the_options_of_the_recipe(recipe):
    trained = SimpleNamespace(recipe=load(recipe, ["evaluate.metrics=[{name: distinct, orders: [1, 2]}, unique]"]))
    assert _metric_blocks(trained, "unique, distinct") == [{"name": "unique"}, {"name": "distinct", "orders": [1, 2]}]
    assert _metric_blocks(trained, None) == trained.recipe.filled["evaluate"]["metrics"]
