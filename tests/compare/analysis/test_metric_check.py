from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from textgan.compare.analysis.metric_check import check
from textgan.metrics.base import Evaluation, Metric
from textgan.metrics.bleu import Bleu, SelfBleu
from textgan.metrics.copying import Novelty
from textgan.metrics.diversity import Distinct, Unique
from textgan.metrics.lengths import Lengths
from textgan.metrics.likelihood import NllTest
from textgan.metrics.near_copies import NearCopies
from textgan.metrics.repetition import Repetition
from textgan.testing import tiny_corpus


def test_each_kind_of_fault_is_seen_by_the_metric_that_is_for_it() -> None:
    found = check(tiny_corpus(), [Bleu(orders=(2,)), Novelty(), NearCopies(), Repetition(), Lengths()], 100, 0)
    assert "looping" in found.tells("repeated2")
    assert "shuffled" not in found.tells("repeated1"), "other order, same words"
    assert "training text" in found.tells("novelty")
    assert "training text" in found.tells("near_train")
    assert "shuffled" in found.tells("bleu2")
    assert found.tells("length_mean") == [], "it has no direction"


class Perverse(Metric):
    """Higher where fewer different words are used, and calls that diversity."""

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        return {"perverse": -float(len({w for t in evaluation.texts for w in t.split()}))}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"perverse": "higher"}


def test_known_metrics_rank_known_texts() -> None:
    corpus = tiny_corpus()
    found = check(
        corpus, [Bleu(orders=(2,)), SelfBleu(orders=(2,)), Unique(), Distinct(), Novelty(), NllTest()], 100, 0
    )
    assert found.ranks("bleu2", "quality")
    assert found.ranks("self_bleu2", "diversity")
    assert found.ranks("unique", "diversity")
    assert found.values["repeated"]["unique"] < 0.2
    assert found.values["training text"]["novelty"] == 0
    assert found.values["real"]["novelty"] == 1
    assert "nll_test" not in found.values["real"], "a likelihood needs a generator"
    assert found.ranks("nll_test", "quality") is None


def test_a_metric_that_ranks_wrongly_is_found() -> None:
    found = check(tiny_corpus(), [Perverse()], 100, 0)
    assert found.ranks("perverse", "diversity") is False


def test_the_same_seed_gives_the_same_texts() -> None:
    one, again = (check(tiny_corpus(), [Distinct()], 100, 3) for _ in range(2))
    assert one == again
