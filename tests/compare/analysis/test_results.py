"""Tests the verdicts on simulated measurements: copies, better and collapsed models, too few seeds, missing runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.planting import Values, curve

from textgan.compare.analysis.axes import axes
from textgan.compare.analysis.metric_check import MetricCheck
from textgan.compare.analysis.results import LIKELIHOOD, Results, results
from textgan.compare.design.plan import Plan
from textgan.compare.reporting.report import write
from textgan.core.errors import UserError


def verdict_of(found: Results, first: str, second: str) -> str:
    return next(pair.verdict for pair in found.pairs if (pair.first, pair.second) == (first, second))


def axes_of(found: Results) -> tuple[str, str]:
    return found.quality, found.diversity


def noisy(seed: int) -> float:
    return [0.003, -0.002, 0.001, -0.003, 0.002, -0.001, 0.002][seed]


def test_two_copies_of_one_model_are_equivalent(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": curve(0.1), "two": curve(0.1), "one: start": curve(0.0)}))
    assert verdict_of(found, "one", "two") == "equivalent"


def test_better_model_gets_the_verdict_better(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1, noise=noisy), "two": curve(0.0)}, seeds=7)
    found = results(plan)
    assert verdict_of(found, "one", "two") == "better"
    (pair,) = (p for p in found.pairs if p.second == "two")
    assert pair.difference is not None
    assert pair.difference.mean == pytest.approx(0.1, abs=0.01)
    assert pair.ahead == 1


def test_collapsed_model_is_collapsed_whatever_its_quality(planted: Callable[..., Plan]) -> None:
    collapsing = curve(0.2, diversity=-2.0, unique=0.05, entropy=0.1)
    found = results(planted({"one": collapsing, "two": curve(0.0), "one: start": curve(0.0)}))
    assert verdict_of(found, "one", "two") == "collapsed"
    assert any(flag.collapse for flag in found.flags["one"])
    assert not found.flags["two"]


def test_too_few_seeds_are_reported(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": curve(0.1, noise=noisy), "two": curve(0.0)}, seeds=3))
    assert verdict_of(found, "one", "two") == "not enough seeds"
    assert found.seeds_needed == 5


def test_inconsistent_differences_are_not_significant(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": curve(0.0, noise=lambda s: 0.1 * (-1) ** s), "two": curve(0.0)}))
    assert verdict_of(found, "one", "two") == "no difference found"


def test_likelihood_training_is_the_union_of_its_controls(planted: Callable[..., Plan]) -> None:
    """A variant has to beat the best of early, pre-trained and continued at any temperature."""
    found = results(
        planted(
            {
                "one": curve(0.05),
                "one: start": curve(0.0),
                "one: early": curve(0.1),
                "two": curve(0.2),
            },
            seeds=8,
        )
    )
    assert verdict_of(found, "one", LIKELIHOOD) == "worse"
    assert verdict_of(found, "two", LIKELIHOOD) == "better"


def test_a_method_without_a_likelihood_is_compared_by_other_axes(planted: Callable[..., Plan]) -> None:
    def without(seed: int) -> list[dict[str, float]]:
        return [{k: v for k, v in p.items() if k != "nll_test"} for p in curve(0.0)(seed)]

    found = results(planted({"one": curve(0.0), "two": curve(0.0), "one: best of 4": without}))
    used = {(p.first, p.second): (p.quality, p.diversity) for p in found.pairs}
    assert used["one", "two"] == ("bleu4", "nll_test")
    assert used["one", "one: best of 4"] == ("bleu4", "self_bleu4")
    with pytest.raises(UserError, match="expected one of"):
        axes([{0: [{"temperature": 1.0, "unique": 1.0}]}])


def test_missing_runs_are_listed_and_the_rest_is_compared(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.0), "two": curve(0.0)})
    (plan.home("two", 3) / "measured.json").unlink()
    (plan.home("two", 3) / "failed.json").write_text('{"reason": "it diverged"}')
    found = results(plan)
    assert found.failed["two"] == {3: "it diverged"}
    (pair,) = (p for p in found.pairs if p.second == "two")
    assert pair.difference is not None
    assert len(pair.difference.each) == 5


def test_metric_that_fails_the_check_is_not_used_as_an_axis(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1), "two": curve(0.0)})
    kinds = {"real": 0.5, "shuffled": 0.4, "repeated": 0.6, "training text": 0.5}
    right = {kind: {"bleu4": value, "self_bleu4": value} for kind, value in kinds.items()}
    better = {"bleu4": "higher", "self_bleu4": "lower"}
    assert axes_of(results(plan, MetricCheck(right, better))) == ("bleu4", "nll_test")
    broken = right | {"shuffled": {"bleu4": 0.9, "self_bleu4": 0.1}}
    with pytest.raises(UserError, match="expected one of nll_oracle"):
        results(plan, MetricCheck(broken, better))


@pytest.mark.parametrize(("unique", "entropy"), [(0.05, 2.0), (0.9, 0.1)])
def test_each_symptom_of_collapse_is_sufficient(planted: Callable[..., Plan], unique: float, entropy: float) -> None:
    collapsing = curve(0.2, unique=unique, entropy=entropy)
    found = results(planted({"one": collapsing, "two": curve(0.0), "one: start": curve(0.0)}))
    assert verdict_of(found, "one", "two") == "collapsed"


@pytest.mark.parametrize(
    ("control", "worst", "margin"),
    [
        ("constant", curve(-40.0, unique=0.01), 0.005),
        ("early", curve(-40.0), 0.005),
        ("continued", curve(-40.0), 2.005),
    ],
)
def test_collapsed_and_early_methods_do_not_widen_the_margin(
    planted: Callable[..., Plan], control: str, worst: Values, margin: float
) -> None:
    methods = {"one": curve(0.1), "two": curve(0.0), "one: start": curve(0.0), f"one: {control}": worst}
    assert results(planted(methods)).margin == pytest.approx(margin)


def test_pair_without_common_axes_is_excluded_and_listed(planted: Callable[..., Plan]) -> None:
    def without_diversity(seed: int) -> list[dict[str, float]]:
        return [{k: v for k, v in point.items() if k in ("temperature", "bleu4")} for point in curve(0.3)(seed)]

    found = results(planted({"one": curve(0.1), "two": curve(0.0), "one: constant": without_diversity}))
    assert found.not_compared == [("one", "one: constant"), ("two", "one: constant")]
    assert [(pair.first, pair.second) for pair in found.pairs] == [("one", "two")]
    assert "one and one: constant are not compared" in write(found).read_text(encoding="utf-8")


def test_quick_test_is_not_ranked(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1), "two": curve(0.0)})
    found = results(replace(plan, settings=replace(plan.settings, shorter=10)))
    assert {pair.verdict for pair in found.pairs} == {"not ranked (quick test)"}


def test_less_diverse_but_better_model_is_incomparable(planted: Callable[..., Plan]) -> None:
    """Their frontiers have no diversity in common, and neither is better on both axes."""
    found = results(planted({"one": curve(0.3, diversity=-9.0), "two": curve(0.0)}))
    (pair,) = found.pairs
    assert pair.verdict == "incomparable"
    assert (pair.difference, pair.corrected) == (None, 1.0)
    assert pair.ahead != pair.ahead, "NaN"


def test_infinite_measurements_have_no_difference(planted: Callable[..., Plan]) -> None:
    def infinite(seed: int) -> list[dict[str, float]]:
        return [{**point, "bleu4": float("inf")} for point in curve(0.0)(seed)]

    (pair,) = results(planted({"one": infinite, "two": curve(0.0)})).pairs
    assert (pair.verdict, pair.difference) == ("incomparable", None)


def test_signatures_of_all_runs_are_listed_once(planted: Callable[..., Plan]) -> None:
    assert results(planted({"one": curve(0.1), "two": curve(0.0)})).signatures == ["bleu-4|hyps:2000"]
