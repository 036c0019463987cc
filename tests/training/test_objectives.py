"""The objectives, with real players and through the training loop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from textgan.core.roles import Estimator, Objective, Reward
from textgan.core.types import Batch, Loss, Samples, Vocabulary
from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.reinforce import Reinforce
from textgan.estimators.rollout import Rollout
from textgan.generators.lstm import Lstm
from textgan.losses.bce import Bce
from textgan.rewards.adversarial import AdversarialReward
from textgan.testing import TabularGenerator
from textgan.training.loop import ParameterUpdate, Phase, Turn, play, train
from textgan.training.objectives import Adversarial, Discriminate, Likelihood, ScheduledSampling, extend

VOCAB = Vocabulary(9, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


class Players:
    """A generator, a discriminator, and turns that train them."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.generator = Lstm(VOCAB, embed_dim=4, hidden_dim=4, dropout=0.5).eval()
        self.discriminator = TextCnn(VOCAB, embed_dim=4, widths=(1, 2), filters=4, dropout=0.5).eval()
        self.loss = Bce()
        self.reward = AdversarialReward(self.discriminator, self.loss)

    def turn(self, objective: Objective, updated: nn.Module, frozen: nn.Module) -> Turn:
        parameters = [p for p in updated.parameters() if p.requires_grad]
        update = ParameterUpdate(updated, parameters, torch.optim.SGD(parameters, 0.5))
        return Turn(objective, [update], [p for p in frozen.parameters() if p.requires_grad])

    def adversarial(self, estimator: Estimator, reward: Reward | None = None) -> Turn:
        objective = Adversarial(self.generator, estimator, reward or self.reward)
        return self.turn(objective, self.generator, self.discriminator)

    def discriminate(self, **options: int) -> Turn:
        objective = Discriminate(self.generator, self.discriminator, self.loss, Reinforce(), **options)
        return self.turn(objective, self.discriminator, self.generator)


def real(rows: int = 6, length: int = 5) -> Iterator[Batch]:
    """Yields batches in which all tokens are equal: 6, then 7, ..."""
    for n in itertools.count(3):
        tokens = torch.full((rows, length), 3 + n % 6)
        yield Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))


def weights(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("kind", ["adversarial", "discriminate", "likelihood"])
def test_a_turn_updates_its_player_and_no_other(kind: str) -> None:
    players = Players()
    turns = {
        "adversarial": players.adversarial(Reinforce()),
        "discriminate": players.discriminate(),
        "likelihood": players.turn(Likelihood(players.generator), players.generator, players.discriminator),
    }
    before = {name: weights(getattr(players, name)) for name in ("generator", "discriminator")}
    play(turns[kind], real())
    changed = {name: not torch.equal(weights(getattr(players, name)), old) for name, old in before.items()}
    assert changed == {"generator": kind != "discriminate", "discriminator": kind == "discriminate"}
    frozen = players.generator if kind == "discriminate" else players.discriminator
    assert all(p.grad is None for p in frozen.parameters())


class ModeReward(AdversarialReward):
    """Records the players' modes when it is computed, and whether a second computation gives the same."""

    def __init__(self, players: Players) -> None:
        super().__init__(players.discriminator, players.loss)
        self.generator = players.generator

    def __call__(self, fake: Samples, real: Samples) -> Tensor:
        self.modes = self.discriminator.training, self.generator.training
        reward = super().__call__(fake, real)
        self.repeatable = torch.equal(reward, super().__call__(fake, real))
        return reward


@pytest.mark.parametrize("rollouts", [False, True])
def test_dropout_is_off_while_text_is_generated_and_scored(rollouts: bool) -> None:
    players = Players()
    play(players.discriminate(), real())  # restores the discriminator's mode
    reward = ModeReward(players)
    play(players.adversarial(Rollout(players.generator, 2) if rollouts else Reinforce(), reward), real())
    assert reward.modes == (False, False)
    assert reward.repeatable


def test_dropout_left_on_would_be_noticed() -> None:
    players = Players()
    players.discriminator.train()
    reward = ModeReward(players)
    play(players.adversarial(Reinforce(), reward), real())
    assert not reward.repeatable


@pytest.mark.parametrize(("batch_size", "rows"), [(None, 6), (4, 4), (13, 13)])
def test_the_adversarial_objective_generates_batch_size_sequences(batch_size: int | None, rows: int) -> None:
    seen: list[tuple[int, int]] = []

    class Counting(Reward):
        def __call__(self, fake: Samples, real: Samples) -> Tensor:
            seen.append((len(fake), len(real)))
            return torch.zeros(len(fake), 1)

    generator = Players().generator
    list(Adversarial(generator, Reinforce(), Counting(), batch_size).losses(real()))
    assert seen == [(rows, rows)]


class RecordingLoss(Bce):
    """Records the samples that the discriminator is trained on, and checks the modes of both players."""

    def __init__(self, players: Players) -> None:
        super().__init__()
        self.players, self.pairs = players, list[tuple[Tensor, Tensor]]()

    def discriminator(self, d: TextCnn, real: Samples, fake: Samples) -> Loss:  # type: ignore[override]
        self.pairs.append((real.x, fake.x))
        assert d.training
        assert not self.players.generator.training
        return super().discriminator(d, real, fake)


def test_a_pool_is_sampled_once_and_shuffled_each_epoch() -> None:
    players = Players()
    loss = RecordingLoss(players)
    objective = Discriminate(
        players.generator, players.discriminator, loss, Reinforce(), pool=14, epochs=3, batch_size=4
    )
    play(players.turn(objective, players.discriminator, players.generator), real(rows=6))
    assert len(loss.pairs) == 3 * (14 // 4)
    assert all(on_real.shape == on_fake.shape == (4, 5) for on_real, on_fake in loss.pairs)
    tokens = torch.cat([on_real for on_real, _ in loss.pairs[:3]])[:, 0]
    assert set(tokens.tolist()) <= {6, 7, 8}  # tokens of the first three batches
    epochs = [torch.cat([on_fake for _, on_fake in loss.pairs[i : i + 3]]) for i in (0, 3, 6)]
    assert not torch.equal(epochs[0], epochs[1])
    fakes = [{tuple(row) for row in epoch.tolist()} for epoch in epochs]
    assert len(fakes[0] | fakes[1] | fakes[2]) <= 14
    assert fakes[0] & fakes[1]


def test_without_a_pool_one_batch_is_one_step() -> None:
    players = Players()
    loss = RecordingLoss(players)
    objective = Discriminate(players.generator, players.discriminator, loss, Reinforce())
    play(players.turn(objective, players.discriminator, players.generator), real(rows=6))
    assert [on_real.shape for on_real, _ in loss.pairs] == [(6, 5)]


def test_the_penalty_is_part_of_the_discriminators_loss() -> None:
    players = Players()
    objective = Discriminate(players.generator, players.discriminator, players.loss, Reinforce())
    (loss,) = objective.losses(real())
    assert (loss.value - loss.stats["d_loss"]).item() == pytest.approx(players.discriminator.penalty().item(), abs=1e-6)


def test_adversarial_training_finds_the_only_real_token() -> None:
    players = Players()

    def forever() -> Iterator[Batch]:
        while True:
            tokens = torch.full((32, 3), 5)
            yield Batch(tokens, torch.ones_like(tokens, dtype=torch.bool), torch.zeros_like(tokens, dtype=torch.bool))

    def share() -> float:
        samples = players.generator.sample(Batch.blank(400, 3))
        return (samples.x[samples.valid] == 5).float().mean().item()

    before = share()
    phase = Phase("game", 60, [players.discriminate(), players.adversarial(Reinforce())])
    for _ in train([phase], forever()):
        pass
    assert share() > before + 0.3


@pytest.mark.parametrize(("count", "tokens"), [(None, [6] * 6), (2, [6] * 2), (6, [6] * 6), (8, [6] * 6 + [7] * 2)])
def test_a_batch_is_extended_or_cut_to_the_count(count: int | None, tokens: list[int]) -> None:
    batches = real()
    extended = extend(next(batches), batches, count)
    assert extended.tokens[:, 0].tolist() == tokens
    rest = 8 if count == 8 else 7
    assert next(batches).tokens[0, 0].item() == rest, "it must read no more batches than necessary"


# Scheduled sampling

WORDS = Vocabulary(7, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))


def text(rows: int = 400, length: int = 8) -> Batch:
    """Random sentences of different lengths."""
    torch.manual_seed(1)
    tokens = torch.randint(3, 7, (rows, length))
    size = torch.randint(2, length + 1, (rows, 1))
    tokens = tokens.masked_fill(torch.arange(length) == size - 1, 2)
    valid = torch.arange(length) < size
    return Batch(tokens.masked_fill(~valid, 0), valid, torch.zeros_like(valid))


def lstm() -> Lstm:
    torch.manual_seed(0)
    return Lstm(WORDS, embed_dim=4, hidden_dim=5, init_std=1.0)


class Successor(TabularGenerator):
    """Samples the successor of the previous token: 3, 4, 5, 6, 3 ...; or, with `ends`, always the end."""

    def __init__(self, ends: bool = False) -> None:
        super().__init__(WORDS, 8)
        with torch.no_grad():
            self.table.fill_(-50)
            for position in range(8):
                for previous in range(7):
                    following = 2 if ends else 3 + (previous - 2) % 4
                    self.table[position * 7 + previous, following] = 50


def test_with_model_prob_0_it_is_likelihood() -> None:
    generator, batch = lstm(), text()
    (mixed,) = ScheduledSampling(generator, WORDS, 0.0).losses(iter([batch]))
    (plain,) = Likelihood(generator).losses(iter([batch]))
    assert mixed.value.item() == plain.value.item()
    assert mixed.stats["model_token_rate"].item() == 0


def test_model_prob_is_the_share_of_sampled_inputs() -> None:
    batch = text(4000)
    inputs = ScheduledSampling(Successor(), WORDS, 0.3).inputs(batch)
    inside = batch.valid & (batch.tokens != WORDS.eos)
    following = 3 + (torch.cat([torch.ones(4000, 1).long(), inputs[:, :-1]], 1) - 2) % 4
    sampled, from_text = inputs == following, inputs == batch.tokens
    assert bool((sampled | from_text)[inside].all()), "each input is the real token, or sampled given earlier inputs"
    assert (sampled & ~from_text)[inside].double().mean().item() == pytest.approx(0.3 * 3 / 4, abs=0.02)
    assert ScheduledSampling(Successor(), WORDS, 1.0).inputs(batch)[0].tolist() == [6, 3, 4, 5, 6, 3, 4, 5]


def test_after_a_sampled_end_the_inputs_are_the_real_text() -> None:
    batch = text()
    for model_prob in (0.4, 1.0):
        inputs = ScheduledSampling(Successor(ends=True), WORDS, model_prob).inputs(batch)
        assert torch.equal(inputs, batch.tokens)


def test_given_tokens_are_never_replaced() -> None:
    batch = text()
    batch.given[:, 1] = True
    inputs = ScheduledSampling(lstm(), WORDS, 1.0).inputs(batch)
    assert torch.equal(inputs[:, 1], batch.tokens[:, 1])
    assert not torch.equal(inputs[:, 0], batch.tokens[:, 0])


def test_the_loss_is_the_nll_of_the_real_text_given_the_inputs() -> None:
    generator, batch = lstm(), text(20)
    objective = ScheduledSampling(generator, WORDS, 0.5)
    torch.manual_seed(5)
    inputs = objective.inputs(batch)
    torch.manual_seed(5)
    (loss,) = objective.losses(iter([batch]))
    start = torch.full((20, 1), WORDS.bos)
    states: Tensor = generator.read(torch.cat([start, inputs[:, :-1]], 1), generator.start(batch))[0]
    log_prob = generator.head(states).log_softmax(2).gather(2, batch.tokens.unsqueeze(2)).squeeze(2)
    assert loss.value.item() == pytest.approx(-log_prob[batch.valid].mean().item(), abs=1e-5)
    loss.value.backward()  # type: ignore[no-untyped-call]
    assert generator.output.weight.grad is not None
