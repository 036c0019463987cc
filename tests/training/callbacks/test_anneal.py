from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from support.stopping import StopAt

from textgan import recipe
from textgan.core.errors import UserError
from textgan.core.types import Batch, Vocabulary
from textgan.generators.lstm import Lstm
from textgan.runs import runner
from textgan.runs.run_dir import RunDir
from textgan.runs.signals import Stopped
from textgan.training.callbacks.anneal import Anneal
from textgan.training.loop import Phase, Progress, RoundResult, Turn, train
from textgan.training.objectives import Likelihood, ScheduledSampling

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def lstm() -> Lstm:
    return Lstm(VOCAB, embed_dim=4, hidden_dim=5, init_std=1.0)


def text() -> Batch:
    tokens = torch.full((4, 8), 3)
    return Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))


def turns(*objectives: ScheduledSampling | Likelihood) -> list[Turn]:
    return [Turn(objective, []) for objective in objectives]


def player(value: Any = 5.0) -> Any:
    """A player with an annealable temperature."""
    return SimpleNamespace(annealable=frozenset({"temperature"}), temperature=value)


PHASES = [Phase("first", 2, []), Phase("second", 4, []), Phase("third", 2, [])]


def values(anneal: Anneal, estimator: Any, phases: list[Phase]) -> list[float]:
    """The player's temperature before the first round and after each."""
    found = []
    anneal(RoundResult(Progress(), phases, {}))
    found.append(float(estimator.temperature))
    for result in train(phases, iter([])):
        anneal(result)
        found.append(float(estimator.temperature))
    return found


def test_an_objective_is_annealed_over_the_rounds_of_its_phase_and_no_other() -> None:
    annealed, other = (ScheduledSampling(lstm(), VOCAB, 0.9) for _ in range(2))
    phases = [Phase("first", 2, turns(other)), Phase("second", 4, turns(Likelihood(lstm()), annealed))]
    anneal = Anneal("objective.model_prob", "second", 0.0, 0.8)
    anneal(RoundResult(Progress(), phases, {}))
    found = [annealed.model_prob]
    for result in train(phases, iter([text()] * 20)):
        anneal(result)
        found.append(annealed.model_prob)
    assert found == pytest.approx([0, 0, 0, 0.2, 0.4, 0.6, 0.8])
    assert other.model_prob == 0.9


def test_the_value_is_constant_before_and_after_the_phase() -> None:
    estimator = player()
    anneal = Anneal("estimator.temperature", "second", 3.0, 1.0, estimator=estimator)
    assert values(anneal, estimator, PHASES) == pytest.approx([3, 3, 3, 2.5, 2, 1.5, 1, 1, 1])


def test_it_may_take_fewer_rounds_than_the_phase() -> None:
    estimator = player()
    anneal = Anneal("estimator.temperature", "second", 3.0, 1.0, rounds=2, estimator=estimator)
    assert values(anneal, estimator, PHASES) == pytest.approx([3, 3, 3, 2, 1, 1, 1, 1, 1])


def test_an_exponential_changes_by_the_same_factor_each_round() -> None:
    estimator = player()
    anneal = Anneal("estimator.temperature", "second", 16.0, 1.0, shape="exponential", estimator=estimator)
    assert values(anneal, estimator, PHASES) == pytest.approx([16, 16, 16, 8, 4, 2, 1, 1, 1])


def test_a_tensor_is_changed_in_place() -> None:
    estimator = player(torch.tensor(5.0))
    before = estimator.temperature
    Anneal("estimator.temperature", "first", 3.0, 1.0, estimator=estimator)(RoundResult(Progress(), PHASES, {}))
    assert estimator.temperature is before
    assert before.item() == 3


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("objective.model_probs", 'did you mean "model_prob"'),
        ("objective.times", "expected model_prob"),
        ("player.model_prob", 'no player "player"; expected one of: objective'),
        ("generator.temperature", 'no player "generator"'),
    ],
)
def test_unknown_players_and_options_are_refused(option: str, message: str) -> None:
    phases = [Phase("only", 1, turns(ScheduledSampling(lstm(), VOCAB)))]
    with pytest.raises(UserError, match=message):
        Anneal(option, "only", 0.0, 1.0)(RoundResult(Progress(), phases, {}))


def test_a_player_without_the_option_is_refused_at_once() -> None:
    with pytest.raises(UserError, match=r"anneal\.option=estimator\.heat: the estimator has no annealable option"):
        Anneal("estimator.heat", "first", 0.0, 1.0, estimator=player())


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_an_exponential_needs_values_above_0(start: float, end: float) -> None:
    with pytest.raises(UserError, match="expected both above 0"):
        Anneal("estimator.temperature", "first", start, end, shape="exponential", estimator=player())


def small() -> recipe.Recipe:
    settings = (
        "device=cpu", "data.sentences=300", "data.validation=30", "data.test=30", "evaluate.samples=30",
        "batch_size=16", "generator.embed_dim=8", "generator.hidden_dim=8", "log.every=1", "controls=null",
        "phases.likelihood.rounds=6", "phases.likelihood.evaluate=null",
    )  # fmt: skip
    return recipe.load("scheduled_sampling", settings)


def test_the_recipe_anneals_model_prob_and_a_resumed_run_is_equal(tmp_path: Path) -> None:
    runner.start(small(), tmp_path / "whole")
    rates = [e["model_token_rate"] for e in RunDir(tmp_path / "whole").entries() if e["kind"] == "train"]
    end = small().filled["callbacks"][0]["end"]
    assert rates == pytest.approx([end * i / 6 for i in range(6)])
    with pytest.raises(Stopped):
        runner.start(small(), tmp_path / "stopped", StopAt(3))
    runner.resume(tmp_path / "stopped")
    assert RunDir(tmp_path / "stopped").entries() == RunDir(tmp_path / "whole").entries()
