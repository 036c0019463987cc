"""The laboratory says what is true of estimators that are right, wrong, and honestly biased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import torch

import textgan
from textgan.core import registry
from textgan.core.errors import UserError
from textgan.estimators.reinforce import Reinforce
from textgan.testing.lab import survey, sweep
from textgan.testing.lab.plot import draw
from textgan.testing.lab.survey import Setting
from textgan.core.roles import Generator, RewardFn
from textgan.testing.gradient_problems import measure, problems
from textgan.core.types import Batch, Loss

SMALL = Setting(rows=300, repeats=20)


@pytest.fixture
def registered() -> None:
    """Three estimators, for the time of a test."""

    @textgan.register("estimator", "lab_halved")
    class Halved(Reinforce):
        """Half of the gradient, and claims to be all of it."""

        def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
            for value, stats in super().losses(generator, reward, batch):
                yield Loss(value / 2, stats)

    @textgan.register("estimator", "lab_honest")
    class Honest(Halved):
        """The same, and does not."""

        unbiased: ClassVar[bool] = False

    @textgan.register("estimator", "lab_uphill")
    class Downhill(Halved):
        """The wrong way."""

        unbiased: ClassVar[bool] = False

        def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
            for value, stats in super().losses(generator, reward, batch):
                yield Loss(-value, stats)


def test_right_ones_pass_and_wrong_ones_fail(registered: None) -> None:
    verdicts = {
        name: {row.verdict for row in survey(SMALL, [name])}
        for name in ("reinforce", "lab_halved", "lab_honest", "lab_uphill")
    }
    assert verdicts == {
        "reinforce": {"unbiased, as declared"},
        "lab_halved": {"FAIL: declares unbiased, is biased"},
        "lab_honest": {"biased"},
        "lab_uphill": {"FAIL: points elsewhere"},
    }


def test_the_numbers_are_those_of_the_gradients() -> None:
    problem = next(problems())
    found = measure(lambda p: Reinforce(), problem, 500, 30)
    halved = measure(lambda p: _Halved(), problem, 500, 30)
    assert found.cosine == pytest.approx(1, abs=0.01)
    assert found.scale == pytest.approx(1, abs=0.05)
    assert abs(found.bias2) < 0.01
    assert halved.scale == pytest.approx(found.scale / 2)
    assert halved.bias2 == pytest.approx(0.25, abs=0.05)
    assert halved.variance == pytest.approx(found.variance / 4)
    assert found.tokens == 8  # four to write a sequence, four to score it
    assert found.chance > 0.01 > halved.chance


class _Halved(Reinforce):
    def losses(self, generator: Generator, reward: RewardFn, batch: Batch) -> Iterator[Loss]:
        for value, stats in super().losses(generator, reward, batch):
            yield Loss(value / 2, stats)


def test_the_variance_of_a_sequence_does_not_depend_on_the_batch() -> None:
    problem = next(problems())
    few, many = (measure(lambda p: Reinforce("none"), problem, rows, 60) for rows in (100, 400))
    assert few.variance == pytest.approx(many.variance, rel=0.25)


def test_the_exact_gradient_of_codes_is_that_of_many_draws() -> None:
    problem = list(problems())[-1]
    torch.manual_seed(0)
    samples = problem.generator.sample(Batch.blank(200_000, 4))
    problem.generator.zero_grad()
    problem.reward(samples).mean().backward()  # type: ignore[no-untyped-call]
    drawn = torch.cat([p.grad for p in problem.generator.parameters() if p.grad is not None])
    torch.testing.assert_close(drawn, problem.gradient, atol=0.03, rtol=0)


def test_every_installed_estimator_is_looked_at_and_keeps_its_promise() -> None:
    rows = list(survey(SMALL))
    assert {row.name for row in rows} == {c.name for c in registry.components("estimator")}
    assert [f"{row.name}: {row.verdict}" for row in rows if row.failed] == []
    assert all(row.measured for row in rows)


def test_options_are_set_and_checked() -> None:
    (first, *_) = survey(SMALL, ["rollout"], {"rollouts": 1})
    assert first.options == {"rollouts": 1}
    assert first.verdict == "no bias found"
    with pytest.raises(UserError, match='no option "rollout"; did you mean "rollouts"'):
        list(survey(SMALL, ["rollout"], {"rollout": 1}))
    with pytest.raises(UserError, match="rollouts: expected"):
        list(survey(SMALL, ["rollout"], {"rollouts": 0}))
    with pytest.raises(UserError, match='did you mean "rollout"'):
        list(survey(SMALL, ["rolout"]))
    with pytest.raises(UserError, match="--words"):
        list(survey(Setting(words=9, length=6), ["reinforce"]))


def test_curves_are_drawn(tmp_path: Path) -> None:
    tiny = Setting(rows=50, repeats=5)
    rows, swept = list(survey(tiny, ["reinforce", "rollout"])), list(sweep(tiny, ["rollout"]))
    assert len({row.options["rollouts"] for row in swept}) == len(swept) > 2
    draw(rows, swept, tmp_path / "lab.svg")
    picture = (tmp_path / "lab.svg").read_text()
    assert "rollouts" in picture
    assert "tokens read for a sequence" in picture
    with pytest.raises(UserError, match="svg, png, pdf"):
        draw(rows, swept, tmp_path / "lab.txt")
