"""Conclusions of the laboratory about estimators that are right, wrong, and biased as declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

import textgan
from textgan.core import registry
from textgan.core.errors import UserError
from textgan.core.roles import Generator, RewardFn
from textgan.core.types import Batch, Loss
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.testing.lab import survey, sweep
from textgan.testing.lab.survey import Setting

SMALL = Setting(rows=300, repeats=20)
TINY = Setting(rows=50, repeats=5)


@pytest.fixture
def registered() -> None:
    """Registers three estimators."""

    @textgan.register("estimator", "lab_halved")
    class Halved(Reinforce):
        """Returns half of the gradient, and declares to be unbiased."""

        def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
            for value, stats in super().losses(generator, reward, batch):
                yield Loss(value / 2, stats)

    @textgan.register("estimator", "lab_honest")
    class Honest(Halved):
        """Returns half of the gradient, and does not declare to be unbiased."""

        unbiased: ClassVar[bool] = False

    @textgan.register("estimator", "lab_downhill")
    class Downhill(Halved):
        """Returns the opposite of the gradient."""

        unbiased: ClassVar[bool] = False

        def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
            for value, stats in super().losses(generator, reward, batch):
                yield Loss(-value, stats)


def test_correct_estimators_pass_and_wrong_ones_fail(registered: None) -> None:
    verdicts = {
        name: {row.verdict for row in survey(SMALL, [name])}
        for name in ("reinforce", "lab_halved", "lab_honest", "lab_downhill")
    }
    assert verdicts == {
        "reinforce": {"unbiased, as declared"},
        "lab_halved": {"FAIL: declares unbiased, is biased"},
        "lab_honest": {"biased"},
        "lab_downhill": {"FAIL: points away from g"},
    }


def test_every_installed_estimator_is_run_and_keeps_its_promise() -> None:
    rows = list(survey(SMALL))
    assert {row.name for row in rows} == {c.name for c in registry.components("estimator")}
    assert [f"{row.name}: {row.verdict}" for row in rows if row.failed] == []
    assert all(row.measured for row in rows)


def test_options_are_set() -> None:
    (first, *_) = survey(SMALL, ["rollout"], {"rollouts": 1})
    assert first.options == {"rollouts": 1}
    assert first.verdict == "no bias found"


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["rollout"], {"rollout": 1}, 'rollout=1: rollout has no option "rollout"; did you mean "rollouts"'),
        (["rollout"], {"rollouts": 0}, "rollouts=0: invalid for rollout; expected"),
        (["rolout"], {}, 'did you mean "rollout"'),
    ],
)
def test_unknown_names_and_invalid_values_are_refused(names: list[str], options: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(survey(SMALL, names, options))


def test_problems_that_are_too_large_are_refused() -> None:
    with pytest.raises(UserError, match="use a smaller --vocab-size or --length"):
        list(survey(Setting(vocab_size=9, length=6), ["reinforce"]))


def test_an_option_without_a_default_must_be_set() -> None:
    @textgan.register("estimator", "lab_demanding")
    class Demanding(Reinforce):
        """Needs a number."""

        def __init__(self, size: int) -> None:
            super().__init__()

    with pytest.raises(UserError, match=r"lab_demanding: option size has no default; .* add size=VALUE"):
        list(survey(SMALL, ["lab_demanding"]))
    rows = list(survey(SMALL, ["lab_demanding"], {"size": 3}))
    assert {row.verdict for row in rows} == {"no bias found"}


@pytest.mark.parametrize(
    ("requires", "shared", "note"),
    [
        (frozenset({"nothing"}), "generator", "not run: fits none of the problems"),
        (frozenset(), "discriminator", "not run: needs the discriminator"),
    ],
)
def test_an_estimator_that_cannot_be_run_gets_a_row_that_says_why(
    requires: frozenset[str], shared: str, note: str
) -> None:
    needs = type("Needs", (Reinforce,), {"requires": requires, "__doc__": "Needs something."})
    constructor = {"generator": lambda self, generator: None, "discriminator": lambda self, discriminator: None}
    needs.__init__ = constructor[shared]  # type: ignore[method-assign]
    textgan.register("estimator", "lab_needs")(needs)
    (row,) = survey(SMALL, ["lab_needs"])
    assert (row.verdict, row.measured, row.failed) == (note, None, False)


def test_sweep_values_are_tried_on_one_problem() -> None:
    rows = list(sweep(TINY, ["rollout"]))
    values = Rollout.sweep_values["rollouts"]
    assert [row.options for row in rows if "rollouts" in row.options] == [{"rollouts": value} for value in values]
    assert len({row.measured.problem for row in rows if row.measured}) == 1
    assert not any(row.declares_unbiased for row in rows), "with options set, the promise is not tested"
