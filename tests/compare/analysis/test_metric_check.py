"""Tests the check of metrics on texts of known quality."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Literal

import pytest
from support.planting import curve

from textgan.compare.analysis.metric_check import MetricCheck, check, check_metrics
from textgan.compare.design.plan import Plan
from textgan.metrics.base import Evaluation, Metric
from textgan.metrics.bleu import Bleu, SelfBleu
from textgan.metrics.copying import Novelty
from textgan.metrics.diversity import Distinct, Unique
from textgan.metrics.lengths import Lengths
from textgan.metrics.likelihood import NllTest
from textgan.metrics.near_copies import NearCopies
from textgan.metrics.repetition import Repetition
from textgan.testing import tiny_corpus


def test_each_defect_is_found_by_the_metric_for_it() -> None:
    found = check(tiny_corpus(), [Bleu(orders=(2,)), Novelty(), NearCopies(), Repetition(), Lengths()], 100, 0)
    assert "looping" in found.below_real("repeated2")
    assert "shuffled" not in found.below_real("repeated1"), "the order differs, the words do not"
    assert "training text" in found.below_real("novelty")
    assert "training text" in found.below_real("near_train")
    assert "shuffled" in found.below_real("bleu2")
    assert found.below_real("length_mean") == [], "it has no direction"


class Reversed(Metric):
    """A diversity metric with the wrong sign: higher for fewer distinct words."""

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        return {"reversed": -float(len({w for t in evaluation.texts for w in t.split()}))}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"reversed": "higher"}


def test_bundled_metrics_rank_known_texts_correctly() -> None:
    corpus = tiny_corpus()
    found = check(
        corpus, [Bleu(orders=(2,)), SelfBleu(orders=(2,)), Unique(), Distinct(), Novelty(), NllTest()], 100, 0
    )
    assert found.passes("bleu2", "quality")
    assert found.passes("self_bleu2", "diversity")
    assert found.passes("unique", "diversity")
    assert found.values["repeated"]["unique"] < 0.2
    assert found.values["training text"]["novelty"] == 0
    assert found.values["real"]["novelty"] == 1
    assert "nll_test" not in found.values["real"], "a likelihood needs a generator"
    assert found.passes("nll_test", "quality") is None


def test_metric_that_ranks_wrongly_fails() -> None:
    found = check(tiny_corpus(), [Reversed()], 100, 0)
    assert found.passes("reversed", "diversity") is False


def test_same_seed_gives_the_same_texts() -> None:
    first, second = (check(tiny_corpus(), [Distinct()], 100, 3) for _ in range(2))
    assert first == second


def test_metric_without_values_or_direction_is_neither_right_nor_wrong() -> None:
    found = MetricCheck({"real": {"a": 1.0}, "shuffled": {"a": 2.0}, "repeated": {}}, {})
    assert found.passes("a", "quality") is None, "it has no direction"
    assert found.passes("b", "quality") is None, "it was not computed"
    assert MetricCheck(found.values, {"a": "lower"}).passes("a", "quality") is True
    assert MetricCheck(found.values, {"a": "higher"}).passes("a", "quality") is False
    assert MetricCheck(found.values, {"a": "higher"}).passes("a", "diversity") is None


def test_check_of_a_comparison_is_computed_once_and_read_afterwards(
    planted: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planted({"one": curve(0.0)}, seeds=1)
    found = check_metrics(plan)
    assert {"bleu4", "self_bleu4", "unique"} <= found.values["real"].keys()
    assert "nll_test" not in found.values["real"]
    assert json.loads((plan.folder / "selfcheck.json").read_text(encoding="utf-8"))["better"]["bleu4"] == "higher"
    monkeypatch.setattr("textgan.compare.analysis.metric_check.check", None)
    assert check_metrics(plan) == found
