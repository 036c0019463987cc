"""The reward by inverse reinforcement learning, and the mistakes that are made with it: each has to be caught."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from support.opponents import FAKE, REAL, Linear, opponent, token_opponent
from torch import Tensor, nn

from textgan.discriminators.text_cnn import TextCnn
from textgan.core.errors import UserError
from textgan.losses.importance_weighted import ImportanceWeighted
from textgan.recipe import load
from textgan.core.roles import Discriminator
from textgan.testing import TabularGenerator, check_loss, enumerate_sequences, tiny_vocabulary
from textgan.core.types import Batch, Loss, Samples, Scores


class Told(TabularGenerator):
    """Says that its samples have the log-probabilities that it was told, spread over their tokens."""

    def __init__(self, told: list[float]) -> None:
        super().__init__(tiny_vocabulary(3), 3)
        self.told = torch.tensor(told)

    def log_prob(self, samples: Samples) -> Tensor:
        return (self.told / 3).unsqueeze(1).expand(samples.valid.shape)


class Each(Discriminator):
    """A verdict of its own on each of the 27 sequences of three out of three words."""

    def __init__(self) -> None:
        super().__init__()
        self.verdicts = nn.Parameter(torch.zeros(27))

    def forward(self, samples: Samples) -> Scores:
        logits = self.verdicts[samples.x @ torch.tensor([9, 3, 1])].unsqueeze(1)  # [B,1]
        return Scores(logits, torch.ones_like(logits))


def test_does_what_every_loss_must() -> None:
    generator = TabularGenerator(tiny_vocabulary(6), 5)
    check_loss(ImportanceWeighted(generator), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))


def test_the_numbers_are_those_of_the_formula() -> None:
    value, stats = ImportanceWeighted(Told([-2.0, -4.5]), 0.0).discriminator(opponent(), REAL, FAKE)
    one, other = math.exp(0.5 + 2.0), math.exp(-3.0 + 4.5)
    first, second = one / (one + other), other / (one + other)
    assert value.item() == pytest.approx((first * 0.5 + second * -3.0) - (2.0 - 1.0) / 2)
    assert stats["d_loss"].item() == pytest.approx(value.item())
    assert stats["effective_share"].item() == pytest.approx(1 / (first**2 + second**2) / 2)
    assert stats["weight_power"].item() == 1
    assert stats["reward_real"].item() == pytest.approx(0.5)
    assert stats["reward_fake"].item() == pytest.approx(-1.25)


def test_verdicts_on_tokens_are_summed_where_they_count() -> None:
    value, _ = ImportanceWeighted(Told([-2.0, -4.5]), 0.0).discriminator(token_opponent(), REAL, FAKE)
    one, other = math.exp(0.5 - 3.0 + 2.0), math.exp(0.0 + 4.5)
    on_fake = (one * (0.5 - 3.0) + other * 0.0) / (one + other)
    assert value.item() == pytest.approx(on_fake - (2.0 - 1.0 + 0.3) / 2)


def test_it_pays_the_logit() -> None:
    found = ImportanceWeighted(Told([-1.0, -1.0])).reward(opponent(), FAKE, REAL)
    assert found[:, 0].tolist() == pytest.approx([0.5, -3.0])
    assert not found.requires_grad


# The gradient, beside the exact one of the likelihood of real text under exp(R) / Z.


def rank_one(length: int, seed: int) -> Tensor:
    return torch.randn(length, 3, generator=torch.Generator().manual_seed(seed))


def world() -> tuple[TabularGenerator, Linear, Samples, Samples]:
    """A generator, a reward, real text, and very many fakes."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 3)
    d = Linear(rank_one(3, 1))
    with torch.no_grad():
        fake = generator.sample(Batch.blank(60_000, 3))
    real = enumerate_sequences(generator.vocab, 3)
    return generator, d, real, fake


def exact(d: Linear, real: Samples) -> Tensor:
    """The gradient of -mean R(x) + log Z, Z summed over all sequences."""
    d.zero_grad()
    (torch.logsumexp(d(real).logits[:, 0], 0) - d(real).logits.mean()).backward()
    assert d.price.grad is not None
    return d.price.grad.clone()


def apart(kind: type[ImportanceWeighted]) -> float:
    """How far its gradient is from the exact one, relative to that."""
    generator, d, real, fake = world()
    true = exact(d, real)
    d.zero_grad()
    kind(generator, 0.0).discriminator(d, real, fake).value.backward()
    assert d.price.grad is not None
    return float((d.price.grad - true).norm() / true.norm())


class NotDetached(ImportanceWeighted):
    """Wrong: the weights carry a gradient of their own."""

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_fake = d(fake).logits[:, 0]
        weight = (on_fake - self.log_prob(fake).detach()).softmax(0)
        return Loss((weight * on_fake).sum() - d(real).logits.mean(), {})


class NoProposal(ImportanceWeighted):
    """Wrong: how likely the generator was to write it is left out, as if it wrote uniformly."""

    def log_prob(self, fake: Samples) -> Tensor:
        return super().log_prob(fake) * 0


class MeanOverTokens(ImportanceWeighted):
    """Wrong: log pi per token."""

    def log_prob(self, fake: Samples) -> Tensor:
        return super().log_prob(fake) / fake.chosen.sum(1)


def test_its_gradient_is_that_of_the_likelihood_of_real_text() -> None:
    assert apart(ImportanceWeighted) < 0.03


@pytest.mark.parametrize("wrong", [NotDetached, NoProposal, MeanOverTokens])
def test_wrong_versions_are_caught(wrong: type[ImportanceWeighted]) -> None:
    assert apart(wrong) > 0.15


def test_what_is_learned_is_the_log_of_the_datas_law_whatever_the_generator() -> None:
    """Real text of independent words, a generator of quite other habits: exp(R) is the law of the real text."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    every = enumerate_sequences(generator.vocab, 3)
    law = nn.functional.one_hot(every.x, 3).float().mul(rank_one(3, 5).log_softmax(1)).sum((1, 2)).exp()  # [N]
    assert law.sum().item() == pytest.approx(1, abs=1e-5)
    real = every[torch.multinomial(law, 20_000, replacement=True)]
    d = Linear(torch.zeros(3, 3))
    optimizer = torch.optim.Adam(d.parameters(), 0.03)
    loss = ImportanceWeighted(generator, 0.0)
    for _ in range(200):
        with torch.no_grad():
            fake = generator.sample(Batch.blank(2000, 3))
        optimizer.zero_grad()
        loss.discriminator(d, real, fake).value.backward()
        optimizer.step()
    learned = d(every).logits[:, 0].softmax(0)
    with torch.no_grad():
        own = generator.log_prob(every).sum(1).exp()
    assert (own - law).abs().sum() / 2 > 0.3, "the generator must be far from the real text"
    assert (learned - law).abs().sum() / 2 < 0.04


# Relative to the generator: R = d + log pi.


def test_relative_weights_are_those_of_the_reward_that_is_meant() -> None:
    value, stats = ImportanceWeighted(Told([-2.0, -4.5]), 0.0, relative=True).discriminator(opponent(), REAL, FAKE)
    one, other = math.exp(0.5), math.exp(-3.0)  # exp(R) / pi with R = d + log pi
    first, second = one / (one + other), other / (one + other)
    assert value.item() == pytest.approx((first * 0.5 + second * -3.0) - (2.0 - 1.0) / 2)
    assert stats["effective_share"].item() == pytest.approx(1 / (first**2 + second**2) / 2)


def test_relative_pays_the_logit_and_the_log_probability() -> None:
    found = ImportanceWeighted(Told([-2.0, -4.5]), relative=True).reward(opponent(), FAKE, REAL)
    assert found[:, 0].tolist() == pytest.approx([0.5 - 2.0, -3.0 - 4.5])
    assert not found.requires_grad


def test_relative_token_rewards_sum_to_the_same() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 3)
    loss, d = ImportanceWeighted(generator, relative=True), Linear(rank_one(3, 1), per_token=True)
    with torch.no_grad():
        fake = generator.sample(Batch.blank(8, 3))
        fake = Samples(fake.x, fake.valid, fake.chosen & (torch.arange(3) > 0))  # the first token was given
        own = loss.reward(d, fake, fake) - d(fake).logits  # [B,T]
        torch.testing.assert_close(own, generator.log_prob(fake) * fake.chosen)
    assert bool((own[:, 0] == 0).all())
    assert bool((own[:, 1] < 0).any())


def test_relative_learns_the_log_ratio_of_the_datas_law_and_the_generators() -> None:
    """Real text of independent words again: d + log pi is the log of its law."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    every = enumerate_sequences(generator.vocab, 3)
    law = nn.functional.one_hot(every.x, 3).float().mul(rank_one(3, 5).log_softmax(1)).sum((1, 2)).exp()  # [N]
    real = every[torch.multinomial(law, 20_000, replacement=True)]
    d = Each()
    optimizer = torch.optim.Adam(d.parameters(), 0.05)
    loss = ImportanceWeighted(generator, 0.0, relative=True)
    for _ in range(200):
        with torch.no_grad():
            fake = generator.sample(Batch.blank(2000, 3))
        optimizer.zero_grad()
        loss.discriminator(d, real, fake).value.backward()
        optimizer.step()
    learned = loss.reward(d, every, every)[:, 0].softmax(0)
    assert (learned - law).abs().sum() / 2 < 0.06
    assert (d(every).logits[:, 0].softmax(0) - law).abs().sum() / 2 > 0.2, "d alone is not the reward"


# The guard.


def test_weights_that_degenerate_are_evened_out_as_little_as_needed() -> None:
    torch.manual_seed(0)
    log_weight = 20 * torch.randn(200)
    loss = ImportanceWeighted(TabularGenerator(tiny_vocabulary(3), 3), 0.25)
    power = loss.power(log_weight)
    assert 0 < power < 1
    effective = 1 / (power * log_weight).softmax(0).square().sum()
    assert effective.item() == pytest.approx(50, rel=1e-3)
    assert loss.power(log_weight / 1000).item() == 1
    assert loss.power(torch.zeros(200)).item() == 1
    unguarded = ImportanceWeighted(TabularGenerator(tiny_vocabulary(3), 3), 0.0)
    assert unguarded.power(log_weight).item() == 1


def test_extreme_weights_stay_finite() -> None:
    value, stats = ImportanceWeighted(Told([-1.0, -5000.0]), 0.6).discriminator(opponent(), REAL, FAKE)
    assert value.isfinite()
    assert stats["effective_share"].item() == pytest.approx(0.6, abs=0.01)


def test_what_is_given_does_not_count_for_how_likely_a_fake_was() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 4)
    batch = Batch.blank(8, 4)
    batch.given[:, 0] = True
    with torch.no_grad():
        fake = generator.sample(batch)
        found = ImportanceWeighted(generator).log_prob(fake)
        each = generator.log_prob(fake)
    assert each[:, 0].all()
    torch.testing.assert_close(found, each[:, 1:].sum(1))


# What it needs.


def test_a_generator_without_a_likelihood_is_refused(tmp_path: Path) -> None:
    recipe = """\
data: {name: grammar, sentences: 200}
generator: {name: lstm, hidden_dim: 8}
discriminator: {name: text_cnn, widths: [1]}
loss: importance_weighted
estimator: ESTIMATOR
optimizers: {generator: {lr: 1e-3}, discriminator: {lr: 1e-3}}
phases:
  train: {rounds: 1, turns: [adversarial, discriminate]}
"""
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe.replace("ESTIMATOR", "reinforce"))
    load(str(path))
    path.write_text(recipe.replace("ESTIMATOR", "gumbel_softmax"))
    with pytest.raises(UserError, match='"importance_weighted" cannot read simplex'):
        load(str(path))
    path.write_text(recipe.replace("ESTIMATOR", "pathwise").replace("{name: lstm, hidden_dim: 8}", "latent"))
    with pytest.raises(UserError, match='"importance_weighted" needs a generator that offers log_prob; "latent" does'):
        load(str(path))
