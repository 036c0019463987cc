from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from textgan.core.roles import Objective
from textgan.core.types import Batch, Loss
from textgan.training.loop import ParameterUpdate, Phase, Progress, RoundResult, Turn, play, train


def numbered_batches() -> Iterator[Batch]:
    """Yields batches whose tokens are all 0, then all 1, ..."""
    for n in itertools.count():
        batch = Batch.blank(4, 3)
        yield Batch(batch.tokens + n, batch.valid, batch.given)


class Recording(Objective):
    """Records its name and the number of the batch, and yields losses that are multiples of its player's weights."""

    def __init__(self, name: str, record: list[str], player: nn.Linear, values: tuple[float, ...] = (1.0,)) -> None:
        self.name, self.record, self.player, self.values = name, record, player, values

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        number = next(batches).tokens[0, 0].item()
        self.record.append(f"{self.name}{number}")
        for value in self.values:
            loss = value * self.player.weight.sum()
            yield Loss(loss, {f"{self.name}_loss": torch.tensor(value)})


def update_of(player: nn.Module, lr: float = 0.1, clip: float | None = None) -> ParameterUpdate:
    parameters = list(player.parameters())
    return ParameterUpdate(player, parameters, torch.optim.SGD(parameters, lr), clip)


def zero_player() -> nn.Linear:
    linear = nn.Linear(2, 1, bias=False).eval()
    nn.init.constant_(linear.weight, 0.0)
    return linear


def recording_turn(name: str, record: list[str], times: int = 1, every: int = 1) -> Turn:
    player = zero_player()
    return Turn(Recording(name, record, player), [update_of(player)], times=times, every=every)


def test_turns_are_played_in_order_and_as_often_as_asked() -> None:
    record: list[str] = []
    phases = [
        Phase("one", 3, [recording_turn("a", record, times=2), recording_turn("b", record, every=2)]),
        Phase("none", 0, [recording_turn("c", record)]),
        Phase("two", 2, [recording_turn("d", record, every=5), recording_turn("e", record)]),
    ]
    results = list(train(phases, numbered_batches()))
    assert record == ["a0", "a1", "b2", "a3", "a4", "a5", "a6", "b7", "d8", "e9", "e10"]
    assert [result.progress for result in results] == [
        Progress(0, 1, 1), Progress(0, 2, 2), Progress(0, 3, 3), Progress(2, 1, 4), Progress(2, 2, 5)
    ]  # fmt: skip
    assert [result.phase.name for result in results] == ["one"] * 3 + ["two"] * 2
    assert [result.ends_phase for result in results] == [False, False, True, False, True]
    assert [sorted(result.stats) for result in results[:2]] == [["a_loss", "b_loss"], ["a_loss"]]


def test_nothing_is_played_before_the_first_result_is_requested() -> None:
    record: list[str] = []
    results = train([Phase("one", 3, [recording_turn("a", record)])], numbered_batches())
    assert record == []
    next(results)
    assert record == ["a0"]


@pytest.mark.parametrize("stopped", range(7))
def test_training_continues_from_any_progress(stopped: int) -> None:
    whole: list[str] = []
    record: list[str] = []

    def phases(target: list[str]) -> list[Phase]:
        return [
            Phase("one", 3, [recording_turn("a", target), recording_turn("b", target, every=2)]),
            Phase("two", 0, [recording_turn("c", target)]),
            Phase("three", 3, [recording_turn("d", target, every=2)]),
        ]

    progress = [Progress(), *(result.progress for result in train(phases(whole), numbered_batches()))]
    batches = numbered_batches()
    for _ in itertools.islice(train(phases(record), batches), stopped):
        pass
    rest = [result.progress for result in train(phases(record), batches, progress[stopped])]
    assert record == whole
    assert rest == progress[stopped + 1 :]


def test_an_open_phase_continues_after_its_rounds() -> None:
    record: list[str] = []
    phases = [Phase("only", 2, [recording_turn("a", record)], open=True)]
    results = list(itertools.islice(train(phases, numbered_batches()), 5))
    assert [result.progress.round for result in results] == [1, 2, 3, 4, 5]
    assert not any(result.ends_phase for result in results), "only a budget ends an open phase"


def test_a_spent_budget_ends_the_phase() -> None:
    phases = [Phase("only", 9, [])]
    assert not RoundResult(Progress(0, 1, 1), phases, {}, budget=0.9).ends_phase
    assert RoundResult(Progress(0, 1, 1), phases, {}, budget=1.0).ends_phase


def test_a_result_follows_the_phases_before_its_own() -> None:
    phases = [Phase(name, 1, []) for name in ("one", "two", "three")]
    result = RoundResult(Progress(1, 1, 2), phases, {})
    assert [result.follows(name) for name in ("one", "two", "three", "none")] == [True, False, False, False]


def test_each_loss_is_one_step_and_statistics_are_averaged() -> None:
    player = zero_player()
    stats = play(Turn(Recording("a", [], player, (1.0, 2.0, 6.0)), [update_of(player)]), numbered_batches())
    assert stats["a_loss"].item() == 3
    assert player.weight.tolist() == [[pytest.approx(-0.9)] * 2]  # 0.1 * (1 + 2 + 6): gradients do not accumulate


class WithOccasionalStatistic(Recording):
    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        for i, (value, stats) in enumerate(super().losses(batches)):
            yield Loss(value, stats if i else {**stats, "once": torch.tensor(7.0)})


def test_a_statistic_is_averaged_over_the_steps_that_have_it() -> None:
    player = zero_player()
    turn = Turn(WithOccasionalStatistic("a", [], player, (1.0, 3.0)), [update_of(player)])
    stats = play(turn, numbered_batches())
    assert {name: value.item() for name, value in stats.items()} == {"a_loss": 2, "once": 7}


def test_statistics_are_averaged_over_all_times() -> None:
    record: list[str] = []
    (result,) = train([Phase("one", 1, [recording_turn("a", record, times=3)])], numbered_batches())
    assert record == ["a0", "a1", "a2"]
    assert result.stats["a_loss"].item() == 1


@pytest.mark.parametrize(("clip", "moved"), [(None, 3.0), (100.0, 3.0), (1.0, 1 / 2**0.5)])
def test_gradients_are_clipped_to_their_norm(clip: float | None, moved: float) -> None:
    player = zero_player()  # the gradient is (3, 3)
    play(Turn(Recording("a", [], player, (3.0,)), [update_of(player, lr=1.0, clip=clip)]), numbered_batches())
    assert player.weight.tolist() == [[pytest.approx(-moved)] * 2]


class ModeRecording(Recording):
    """Records which players are in training mode and which require gradients while it is played."""

    dropout = False

    def __init__(self, players: list[nn.Linear], player: nn.Linear) -> None:
        super().__init__("a", [], player)
        self.players = players

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        self.training = [p.training for p in self.players]
        self.requires_grad = [p.weight.requires_grad for p in self.players]
        yield Loss(sum((p.weight.sum() for p in self.players), torch.zeros(())), {})


@pytest.mark.parametrize("dropout", [True, False])
def test_only_updated_players_train_and_get_gradients(dropout: bool) -> None:
    player, other = zero_player(), zero_player()
    objective = ModeRecording([player, other], player)
    objective.__class__ = type("ModeRecording", (ModeRecording,), {"dropout": dropout})
    play(Turn(objective, [update_of(player)], frozen=[other.weight]), numbered_batches())
    assert objective.training == [dropout, False]
    assert objective.requires_grad == [True, False]
    assert not player.training
    assert other.weight.requires_grad
    assert other.weight.grad is None
    assert player.weight.any()
    assert not other.weight.any()


class Failing(Recording):
    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        yield from super().losses(batches)
        raise RuntimeError("out of ideas")


def test_modes_are_restored_when_an_objective_fails() -> None:
    player, other = zero_player(), zero_player()
    with pytest.raises(RuntimeError, match="ideas"):
        play(Turn(Failing("a", [], player), [update_of(player)], frozen=[other.weight]), numbered_batches())
    assert not player.training
    assert other.weight.requires_grad
