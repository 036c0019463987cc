from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.generators.lstm import Lstm
from textgan.losses.bce import Bce
from textgan.training.objectives import Adversarial, Discriminate, Likelihood
from textgan.rewards.adversarial import AdversarialReward
from textgan.core.roles import Estimator, Objective, Reward
from textgan.training.loop import ParameterUpdate, Phase, Progress, Turn, play, train
from textgan.core.types import Batch, Loss, Samples, Vocabulary


def endless() -> Iterator[Batch]:
    """Batches that can be told apart: the n-th is of n's."""
    for n in itertools.count():
        batch = Batch.blank(4, 3)
        yield Batch(batch.tokens + n, batch.valid, batch.given)


class Noted(Objective):
    """Writes down when it is played, and yields what it was given, times its player's weight."""

    def __init__(self, name: str, diary: list[str], player: nn.Linear, values: tuple[float, ...] = (1.0,)) -> None:
        self.name, self.diary, self.player, self.values = name, diary, player, values

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        number = next(batches).tokens[0, 0].item()
        self.diary.append(f"{self.name}{number}")
        for value in self.values:
            loss = value * self.player.weight.sum()
            yield Loss(loss, {f"{self.name}_loss": torch.tensor(value)})


class Plain(Noted):
    dropout = False


def mover(player: nn.Module, lr: float = 0.1, clip: float | None = None) -> ParameterUpdate:
    parameters = list(player.parameters())
    return ParameterUpdate(player, parameters, torch.optim.SGD(parameters, lr), clip)


def player() -> nn.Linear:
    linear = nn.Linear(2, 1, bias=False).eval()
    nn.init.constant_(linear.weight, 0.0)
    return linear


def turn(name: str, diary: list[str], times: int = 1, every: int = 1) -> Turn:
    mine = player()
    return Turn(Noted(name, diary, mine), [mover(mine)], times=times, every=every)


def test_turns_are_played_in_order_and_as_often_as_asked() -> None:
    diary: list[str] = []
    phases = [
        Phase("one", 3, [turn("a", diary, times=2), turn("b", diary, every=2)]),
        Phase("none", 0, [turn("c", diary)]),
        Phase("two", 2, [turn("d", diary, every=5), turn("e", diary)]),
    ]
    steps = list(train(phases, endless()))
    assert diary == ["a0", "a1", "b2", "a3", "a4", "a5", "a6", "b7", "d8", "e9", "e10"]
    assert [s.place for s in steps] == [Progress(0, 1, 1), Progress(0, 2, 2), Progress(0, 3, 3), Progress(2, 1, 4), Progress(2, 2, 5)]
    assert [s.phase.name for s in steps] == ["one"] * 3 + ["two"] * 2
    assert [s.ends_phase for s in steps] == [False, False, True, False, True]
    assert [sorted(s.stats) for s in steps[:2]] == [["a_loss", "b_loss"], ["a_loss"]]


def test_nothing_is_played_before_it_is_asked_for() -> None:
    diary: list[str] = []
    running = train([Phase("one", 3, [turn("a", diary)])], endless())
    assert diary == []
    next(running)
    assert diary == ["a0"]


@pytest.mark.parametrize("stopped", range(7))
def test_a_run_goes_on_from_wherever_it_stood(stopped: int) -> None:
    whole: list[str] = []
    diary: list[str] = []

    def phases(book: list[str]) -> list[Phase]:
        return [
            Phase("one", 3, [turn("a", book), turn("b", book, every=2)]),
            Phase("two", 0, [turn("c", book)]),
            Phase("three", 3, [turn("d", book, every=2)]),
        ]

    places = [Progress(), *(step.progress for step in train(phases(whole), endless()))]
    batches = endless()
    for _ in itertools.islice(train(phases(diary), batches), stopped):
        pass
    rest = [step.progress for step in train(phases(diary), batches, places[stopped])]
    assert diary == whole
    assert rest == places[stopped + 1 :]


def test_a_step_for_each_loss_and_the_mean_of_each_statistic() -> None:
    mine = player()
    stats = play(Turn(Noted("a", [], mine, (1.0, 2.0, 6.0)), [mover(mine)]), endless())
    assert stats["a_loss"].item() == 3
    assert mine.weight.tolist() == [[pytest.approx(-0.9)] * 2]  # 0.1 * (1 + 2 + 6): gradients are not added up


class Sometimes(Noted):
    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        for i, (value, stats) in enumerate(super().losses(batches)):
            yield Loss(value, stats if i else {**stats, "once": torch.tensor(7.0)})


def test_a_statistic_is_averaged_over_the_steps_that_have_it() -> None:
    mine = player()
    stats = play(Turn(Sometimes("a", [], mine, (1.0, 3.0)), [mover(mine)]), endless())
    assert {name: value.item() for name, value in stats.items()} == {"a_loss": 2, "once": 7}


def test_statistics_are_averaged_over_all_times() -> None:
    diary: list[str] = []
    (step,) = train([Phase("one", 1, [turn("a", diary, times=3)])], endless())
    assert diary == ["a0", "a1", "a2"]
    assert step.stats["a_loss"].item() == 1


@pytest.mark.parametrize(("clip", "moved"), [(None, 3.0), (100.0, 3.0), (1.0, 1 / 2**0.5)])
def test_gradients_are_clipped_to_their_norm(clip: float | None, moved: float) -> None:
    mine = player()  # the gradient is (3, 3)
    play(Turn(Noted("a", [], mine, (3.0,)), [mover(mine, lr=1.0, clip=clip)]), endless())
    assert mine.weight.tolist() == [[pytest.approx(-moved)] * 2]


class Watched(Plain):
    """Looks at who is in training mode and who takes gradients while it is played."""

    def __init__(self, watched: list[nn.Linear], mine: nn.Linear) -> None:
        super().__init__("a", [], mine)
        self.watched = watched

    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        self.training = [p.training for p in self.watched]
        self.graded = [p.weight.requires_grad for p in self.watched]
        yield Loss(sum((p.weight.sum() for p in self.watched), torch.zeros(())), {})


@pytest.mark.parametrize("dropout", [True, False])
def test_only_those_who_move_train_and_take_gradients(dropout: bool) -> None:
    mine, other = player(), player()
    objective = Watched([mine, other], mine)
    objective.__class__ = type("Watched", (Watched,), {"dropout": dropout})
    play(Turn(objective, [mover(mine)], frozen=[other.weight]), endless())
    assert objective.training == [dropout, False]
    assert objective.graded == [True, False]
    assert not mine.training
    assert other.weight.requires_grad
    assert other.weight.grad is None
    assert mine.weight.any()
    assert not other.weight.any()


class Fails(Noted):
    def losses(self, batches: Iterator[Batch]) -> Iterator[Loss]:
        yield from super().losses(batches)
        raise RuntimeError("out of ideas")


def test_everything_is_put_back_when_an_objective_fails() -> None:
    mine, other = player(), player()
    with pytest.raises(RuntimeError, match="ideas"):
        play(Turn(Fails("a", [], mine), [mover(mine)], frozen=[other.weight]), endless())
    assert not mine.training
    assert other.weight.requires_grad


# The objectives, with real players.

VOCAB = Vocabulary(9, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


class Players:
    def __init__(self) -> None:
        torch.manual_seed(0)
        self.generator = Lstm(VOCAB, embed_dim=4, hidden_dim=4, dropout=0.5).eval()
        self.discriminator = TextCnn(VOCAB, embed_dim=4, widths=(1, 2), filters=4, dropout=0.5).eval()
        self.loss = Bce()
        self.reward = AdversarialReward(self.discriminator, self.loss)

    def turn(self, objective: Objective, moves: nn.Module, rests: nn.Module) -> Turn:
        parameters = [p for p in moves.parameters() if p.requires_grad]
        mine = ParameterUpdate(moves, parameters, torch.optim.SGD(parameters, 0.5))
        return Turn(objective, [mine], [p for p in rests.parameters() if p.requires_grad])

    def adversarial(self, estimator: Estimator, reward: Reward | None = None) -> Turn:
        objective = Adversarial(self.generator, estimator, reward or self.reward)
        return self.turn(objective, self.generator, self.discriminator)

    def discriminate(self, **options: int) -> Turn:
        objective = Discriminate(self.generator, self.discriminator, self.loss, Reinforce(), **options)
        return self.turn(objective, self.discriminator, self.generator)


def real(rows: int = 6, length: int = 5) -> Iterator[Batch]:
    for n in itertools.count(3):
        tokens = torch.full((rows, length), 3 + n % 6)
        yield Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))


def weights(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("kind", ["adversarial", "discriminate", "likelihood"])
def test_a_turn_moves_its_player_and_no_other(kind: str) -> None:
    players = Players()
    turns = {
        "adversarial": players.adversarial(Reinforce()),
        "discriminate": players.discriminate(),
        "likelihood": players.turn(Likelihood(players.generator), players.generator, players.discriminator),
    }
    before = {name: weights(getattr(players, name)) for name in ("generator", "discriminator")}
    play(turns[kind], real())
    moved = {name: not torch.equal(weights(getattr(players, name)), old) for name, old in before.items()}
    assert moved == {"generator": kind != "discriminate", "discriminator": kind == "discriminate"}
    still = players.generator if kind == "discriminate" else players.discriminator
    assert all(p.grad is None for p in still.parameters())


class Spy(AdversarialReward):
    """Remembers in which modes the players were when a reward was paid, and whether it is the same twice."""

    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        self.modes = self.discriminator.training, self.writer.training
        paid = super().__call__(fake, real)
        self.steady = torch.equal(paid, super().__call__(fake, real))
        return paid

    def __init__(self, players: Players) -> None:
        super().__init__(players.discriminator, players.loss)
        self.writer = players.generator


@pytest.mark.parametrize("rollouts", [False, True])
def test_dropout_is_off_while_text_is_written_and_paid(rollouts: bool) -> None:
    players = Players()
    play(players.discriminate(), real())  # leaves the discriminator as it found it
    spy = Spy(players)
    play(players.adversarial(Rollout(players.generator, 2) if rollouts else Reinforce(), spy), real())
    assert spy.modes == (False, False)
    assert spy.steady


def test_dropout_left_on_would_be_noticed() -> None:
    players = Players()
    players.discriminator.train()
    spy = Spy(players)
    play(players.adversarial(Reinforce(), spy), real())
    assert not spy.steady


class Recorded(Bce):
    """Remembers what the discriminator was shown, and the modes of both players."""

    def __init__(self, players: Players) -> None:
        super().__init__()
        self.players, self.shown = players, list[tuple[Tensor, Tensor]]()

    def discriminator(self, d: TextCnn, real: Samples, fake: Samples) -> Loss:  # type: ignore[override]
        self.shown.append((real.x, fake.x))
        assert d.training
        assert not self.players.generator.training
        return super().discriminator(d, real, fake)


def test_a_pool_is_drawn_once_and_dealt_out_each_epoch() -> None:
    players = Players()
    loss = Recorded(players)
    objective = Discriminate(
        players.generator, players.discriminator, loss, Reinforce(), pool=14, epochs=3, batch_size=4
    )
    play(players.turn(objective, players.discriminator, players.generator), real(rows=6))
    assert len(loss.shown) == 3 * (14 // 4)
    assert all(ours.shape == theirs.shape == (4, 5) for ours, theirs in loss.shown)
    reals = torch.cat([ours for ours, _ in loss.shown[:3]])[:, 0]
    assert set(reals.tolist()) <= {6, 7, 8}  # words of the first three batches
    orders = [torch.cat([t for _, t in loss.shown[i : i + 3]]) for i in (0, 3, 6)]
    assert not torch.equal(orders[0], orders[1])  # dealt anew
    fakes = [{tuple(row) for row in order.tolist()} for order in orders]
    assert len(fakes[0] | fakes[1] | fakes[2]) <= 14
    assert fakes[0] & fakes[1]


def test_without_a_pool_one_batch_is_one_step() -> None:
    players = Players()
    loss = Recorded(players)
    objective = Discriminate(players.generator, players.discriminator, loss, Reinforce())
    play(players.turn(objective, players.discriminator, players.generator), real(rows=6))
    assert [ours.shape for ours, _ in loss.shown] == [(6, 5)]


def test_the_penalty_is_part_of_what_the_discriminator_minimises() -> None:
    players = Players()
    objective = Discriminate(players.generator, players.discriminator, players.loss, Reinforce())
    (loss,) = objective.losses(real())
    assert (loss.value - loss.stats["d_loss"]).item() == pytest.approx(players.discriminator.penalty().item(), abs=1e-6)


def test_a_discriminator_learns_to_tell_and_a_generator_to_please() -> None:
    """The whole game in miniature: one word is real, and the generator finds out."""
    players = Players()

    def forever() -> Iterator[Batch]:
        while True:
            tokens = torch.full((32, 3), 5)
            yield Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))

    def share() -> float:
        drawn = players.generator.sample(Batch.blank(400, 3))
        return (drawn.x[drawn.valid] == 5).float().mean().item()

    before = share()
    phase = Phase("game", 60, [players.discriminate(), players.adversarial(Reinforce())])
    for _ in train([phase], forever()):
        pass
    assert share() > before + 0.3
