"""Planted cases: what is said of two copies, of collapse, of what is better, of too few seeds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.planting import Values, curve

from textgan.compare.analysis import flags
from textgan.compare.analysis.axes import axes
from textgan.compare.analysis.metric_check import Checked
from textgan.compare.analysis.results import LIKELIHOOD, Results, results
from textgan.compare.design.plan import Plan
from textgan.compare.reporting.report import write
from textgan.core.errors import UserError


def said(found: Results, first: str, second: str) -> str:
    return next(pair.verdict for pair in found.pairs if (pair.first, pair.second) == (first, second))


def noisy(seed: int) -> float:
    return [0.003, -0.002, 0.001, -0.003, 0.002, -0.001, 0.002][seed]


def test_two_copies_of_one_model_are_equivalent(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": curve(0.1), "two": curve(0.1), "one: start": curve(0.0)}))
    assert said(found, "one", "two") == "equivalent"


def test_a_model_that_is_better_is_better(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1, noise=noisy), "two": curve(0.0)}, seeds=7)
    found = results(plan)
    assert said(found, "one", "two") == "better"
    (pair,) = (p for p in found.pairs if p.second == "two")
    assert pair.difference is not None
    assert pair.difference.mean == pytest.approx(0.1, abs=0.01)
    assert pair.ahead == 1


def test_a_collapsed_twin_is_collapsed_whatever_its_quality(planted: Callable[..., Plan]) -> None:
    twin = curve(0.2, diversity=-2.0, unique=0.05, entropy=0.1)
    found = results(planted({"one": twin, "two": curve(0.0), "one: start": curve(0.0)}))
    assert said(found, "one", "two") == "collapsed"
    assert any(flag.collapse for flag in found.flags["one"])
    assert not found.flags["two"]


def test_few_seeds_say_so(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": curve(0.1, noise=noisy), "two": curve(0.0)}, seeds=3))
    assert said(found, "one", "two") == "not enough seeds"
    assert found.seeds_needed == 5


def test_no_difference_is_no_verdict(planted: Callable[..., Plan]) -> None:
    found = results(planted({"one": curve(0.0, noise=lambda s: 0.1 * (-1) ** s), "two": curve(0.0)}))
    assert said(found, "one", "two") == "no difference found"


def test_likelihood_training_at_its_best_is_all_of_it(planted: Callable[..., Plan]) -> None:
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
    assert said(found, "one", LIKELIHOOD) == "worse"
    assert said(found, "two", LIKELIHOOD) == "better"


def test_a_method_without_a_likelihood_is_compared_by_other_axes(planted: Callable[..., Plan]) -> None:
    def without(seed: int) -> list[dict[str, float]]:
        return [{k: v for k, v in p.items() if k != "nll_test"} for p in curve(0.0)(seed)]

    found = results(planted({"one": curve(0.0), "two": curve(0.0), "one: best of 4": without}))
    used = {(p.first, p.second): (p.quality, p.diversity) for p in found.pairs}
    assert used["one", "two"] == ("bleu4", "nll_test")
    assert used["one", "one: best of 4"] == ("bleu4", "self_bleu4")
    with pytest.raises(UserError, match="needs one of"):
        axes([{0: [{"temperature": 1.0, "unique": 1.0}]}])


def test_missing_runs_are_named_and_the_rest_compared(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.0), "two": curve(0.0)})
    (plan.home("two", 3) / "measured.json").unlink()
    (plan.home("two", 3) / "failed.json").write_text('{"reason": "it diverged"}')
    found = results(plan)
    assert found.failed["two"] == {3: "it diverged"}
    (pair,) = (p for p in found.pairs if p.second == "two")
    assert pair.difference is not None
    assert len(pair.difference.each) == 5


def test_a_metric_that_ranks_known_texts_wrongly_is_no_axis(planted: Callable[..., Plan]) -> None:
    plan = planted({"one": curve(0.1), "two": curve(0.0)})
    kinds = {"real": 0.5, "shuffled": 0.4, "repeated": 0.6, "training text": 0.5}
    right = {kind: {"bleu4": value, "self_bleu4": value} for kind, value in kinds.items()}
    better = {"bleu4": "higher", "self_bleu4": "lower"}
    assert axes_of(results(plan, Checked(right, better))) == ("bleu4", "nll_test")
    broken = right | {"shuffled": {"bleu4": 0.9, "self_bleu4": 0.1}}
    with pytest.raises(UserError, match="needs one of nll_oracle"):
        results(plan, Checked(broken, better))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"near_train": 0.5, "near_real_copied": 0.4}, "comes near training sentences"),
        ({"repeated2": 0.3, "repeated2_test": 0.02}, "repeats itself"),
        ({"copied_train": 0.3, "real_copied": 0.2}, "copies training sentences"),
    ],
)
def test_what_exceeds_the_rate_of_held_out_text_is_flagged(
    planted: Callable[..., Plan], values: dict[str, float], told: str
) -> None:
    def with_them(seed: int) -> list[dict[str, float]]:
        return [{**point, **values} for point in curve(0.0)(seed)]

    def as_real(seed: int) -> list[dict[str, float]]:
        return [{**point, **dict.fromkeys(values, min(values.values()))} for point in curve(0.0)(seed)]

    found = results(planted({"one": with_them, "two": as_real}))
    assert [flag.text for flag in found.flags["one"] if told in flag.text]
    assert not found.flags["two"]


def axes_of(found: Results) -> tuple[str, str]:
    return found.quality, found.diversity


@pytest.mark.parametrize(("unique", "entropy"), [(0.05, 2.0), (0.9, 0.1)])
def test_either_sign_of_collapse_is_enough(planted: Callable[..., Plan], unique: float, entropy: float) -> None:
    twin = curve(0.2, unique=unique, entropy=entropy)
    found = results(planted({"one": twin, "two": curve(0.0), "one: start": curve(0.0)}))
    assert said(found, "one", "two") == "collapsed"


@pytest.mark.parametrize(
    ("control", "worst", "margin"),
    [
        ("constant", curve(-40.0, unique=0.01), 0.005),
        ("early", curve(-40.0), 0.005),
        ("continued", curve(-40.0), 2.005),
    ],
)
def test_what_collapsed_or_was_stopped_early_does_not_make_others_alike(
    planted: Callable[..., Plan], control: str, worst: Values, margin: float
) -> None:
    methods = {"one": curve(0.1), "two": curve(0.0), "one: start": curve(0.0), f"one: {control}": worst}
    assert results(planted(methods)).margin == pytest.approx(margin)


def test_a_pair_without_common_axes_is_left_out_and_named(planted: Callable[..., Plan]) -> None:
    def without_diversity(seed: int) -> list[dict[str, float]]:
        return [{k: v for k, v in point.items() if k in ("temperature", "bleu4")} for point in curve(0.3)(seed)]

    found = results(planted({"one": curve(0.1), "two": curve(0.0), "one: constant": without_diversity}))
    assert found.apart == [("one", "one: constant"), ("two", "one: constant")]
    assert [(pair.first, pair.second) for pair in found.pairs] == [("one", "two")]
    assert "one and one: constant are not compared" in write(found).read_text(encoding="utf-8")


@pytest.mark.parametrize(("nll", "collapsed"), [(1.89, False), (1.80, True)])
def test_chance_below_the_entropy_is_no_collapse(nll: float, collapsed: bool) -> None:
    """The truth's own text scores below its entropy every other time, by less than 1 % of it."""
    found = list(flags._below_entropy({"nll_oracle": nll, "oracle_entropy": 1.902}))
    assert [flag.collapse for flag in found] == [True] * collapsed
