"""The objective scheduled_sampling, and annealing it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from textgan import recipe
from textgan.runs import runner
from textgan.training.callbacks.anneal import Anneal
from textgan.core.errors import UserError
from textgan.runs.run_dir import RunDir
from textgan.generators.lstm import Lstm
from textgan.training.objectives import Likelihood, ScheduledSampling
from textgan.runs.reporter import ProgressReporter
from textgan.runs.signals import Stopped, StopRequest
from textgan.testing import TabularGenerator
from textgan.training.loop import Phase, Progress, RoundResult, Turn, train
from textgan.core.types import Batch, Vocabulary

VOCAB = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def text(rows: int = 400, length: int = 8) -> Batch:
    torch.manual_seed(1)
    tokens = torch.randint(3, 7, (rows, length))
    size = torch.randint(2, length + 1, (rows, 1))
    tokens = tokens.masked_fill(torch.arange(length) == size - 1, 2)
    valid = torch.arange(length) < size
    return Batch(tokens.masked_fill(~valid, 0), valid, torch.zeros_like(valid))


def lstm() -> Lstm:
    torch.manual_seed(0)
    return Lstm(VOCAB, embed_dim=4, hidden_dim=5, init_std=1.0)


class Counts(TabularGenerator):
    """Says what follows the word before: 3, 4, 5, 6, 3 ... and never ends, or always."""

    def __init__(self, ends: bool = False) -> None:
        super().__init__(VOCAB, 8)
        with torch.no_grad():
            self.table.fill_(-50)
            for position in range(8):
                for before in range(7):
                    after = 2 if ends else 3 + (before - 2) % 4
                    self.table[position * 7 + before, after] = 50


def test_at_zero_it_is_likelihood() -> None:
    generator, batch = lstm(), text()
    (ours,) = ScheduledSampling(generator, VOCAB, 0.0).losses(iter([batch]))
    (plain,) = Likelihood(generator).losses(iter([batch]))
    assert ours.value.item() == plain.value.item()
    assert ours.stats["model_token_rate"].item() == 0


def test_so_many_words_are_its_own() -> None:
    batch = text(4000)
    inputs = ScheduledSampling(Counts(), VOCAB, 0.3).inputs(batch)
    inside = batch.valid & (batch.tokens != VOCAB.eos)
    following = 3 + (torch.cat([torch.ones(4000, 1).long(), inputs[:, :-1]], 1) - 2) % 4
    own, real = inputs == following, inputs == batch.tokens
    assert bool((own | real)[inside].all()), "each is the real word, or follows what was read before it"
    assert (own & ~real)[inside].double().mean().item() == pytest.approx(0.3 * 3 / 4, abs=0.02)
    assert ScheduledSampling(Counts(), VOCAB, 1.0).inputs(batch)[0].tolist() == [6, 3, 4, 5, 6, 3, 4, 5]


def test_behind_its_own_end_it_reads_the_real_text() -> None:
    batch = text()
    for own in (0.4, 1.0):
        assert torch.equal(ScheduledSampling(Counts(ends=True), VOCAB, own).inputs(batch), batch.tokens)


def test_what_is_given_is_never_its_own() -> None:
    batch = text()
    batch.given[:, 1] = True
    inputs = ScheduledSampling(lstm(), VOCAB, 1.0).inputs(batch)
    assert torch.equal(inputs[:, 1], batch.tokens[:, 1])
    assert not torch.equal(inputs[:, 0], batch.tokens[:, 0])


def test_the_loss_is_that_of_the_real_text_behind_those_inputs() -> None:
    generator, batch = lstm(), text(20)
    objective = ScheduledSampling(generator, VOCAB, 0.5)
    torch.manual_seed(5)
    inputs = objective.inputs(batch)
    torch.manual_seed(5)
    (loss,) = objective.losses(iter([batch]))
    start = torch.full((20, 1), VOCAB.bos)
    states: Tensor = generator.read(torch.cat([start, inputs[:, :-1]], 1), generator.start(batch))[0]
    log_prob = generator.head(states).log_softmax(2).gather(2, batch.tokens.unsqueeze(2)).squeeze(2)
    assert loss.value.item() == pytest.approx(-log_prob[batch.valid].mean().item(), abs=1e-5)
    loss.value.backward()  # type: ignore[no-untyped-call]
    assert generator.output.weight.grad is not None


# Annealing


def turns(*objectives: ScheduledSampling | Likelihood) -> list[Turn]:
    return [Turn(objective, []) for objective in objectives]


def test_it_is_annealed_over_the_rounds_of_its_phase_and_no_other() -> None:
    ours, other = (ScheduledSampling(lstm(), VOCAB, 0.9) for _ in range(2))
    phases = [Phase("first", 2, turns(other)), Phase("second", 4, turns(Likelihood(lstm()), ours))]
    anneal = Anneal("objective.model_prob", "second", 0.0, 0.8)
    anneal(RoundResult(Progress(), phases, {}))
    values = [ours.own]
    for step in train(phases, iter([text(4)] * 20)):
        anneal(step)
        values.append(ours.own)
    assert values == pytest.approx([0, 0, 0, 0.2, 0.4, 0.6, 0.8])
    assert other.own == 0.9


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("objective.model_probs", 'did you mean "own"'),
        ("objective.times", "it allows own"),
        ("player.own", "it has: objective"),
    ],
)
def test_what_cannot_be_annealed_is_told(option: str, told: str) -> None:
    phases = [Phase("only", 1, turns(ScheduledSampling(lstm(), VOCAB)))]
    with pytest.raises(UserError, match=told):
        Anneal(option, "only", 0.0, 1.0)(RoundResult(Progress(), phases, {}))


class StopAt(ProgressReporter):
    """Asks the run to stop after some round."""

    def __init__(self, index: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.index, self.request = index, None
        original = StopRequest.__enter__

        def enter(request: StopRequest) -> StopRequest:
            self.request = request
            return original(request)

        monkeypatch.setattr(StopRequest, "__enter__", enter)

    def on_round_end(self, result: RoundResult) -> None:
        if step.progress.global_round == self.index and self.request is not None:
            self.request.signal = 2


def small() -> recipe.Recipe:
    settings = (
        "device=cpu", "data.sentences=300", "data.validation=30", "data.test=30", "evaluate.samples=30",
        "batch_size=16", "generator.embed_dim=8", "generator.hidden_dim=8", "log.every=1", "controls=null",
        "phases.likelihood.rounds=6", "phases.likelihood.evaluate=null",
    )  # fmt: skip
    return recipe.load("scheduled_sampling", settings)


def entries(folder: Path) -> Iterator[object]:
    return (entry for entry in RunDir(folder).entries())


def test_the_recipe_anneals_it_and_a_resumed_run_ends_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner.start(small(), tmp_path / "whole")
    own = [e["model_token_rate"] for e in RunDir(tmp_path / "whole").entries() if e["kind"] == "train"]
    end = small().filled["callbacks"][0]["end"]
    assert own == pytest.approx([end * i / 6 for i in range(6)])
    with pytest.raises(Stopped):
        runner.start(small(), tmp_path / "stopped", StopAt(3, monkeypatch))
    monkeypatch.undo()
    runner.resume(tmp_path / "stopped")
    assert list(entries(tmp_path / "stopped")) == list(entries(tmp_path / "whole"))
