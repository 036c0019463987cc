"""Inverse reinforcement learning, and deliberately wrong versions that the tests must detect."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from support.opponents import FAKE, REAL, Linear, opponent, token_opponent
from torch import Tensor, nn

from textgan.core.errors import UserError
from textgan.core.roles import Discriminator
from textgan.core.types import Batch, Loss, Samples, Scores
from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.importance_weighted import ImportanceWeighted
from textgan.recipe import load
from textgan.testing import TabularGenerator, check_loss, enumerate_sequences, tiny_vocabulary


class Fixed(TabularGenerator):
    """Returns fixed log-probabilities of its samples, spread evenly over their tokens."""

    def __init__(self, values: list[float]) -> None:
        super().__init__(tiny_vocabulary(3), 3)
        self.values = torch.tensor(values)

    def log_prob(self, samples: Samples) -> Tensor:
        return (self.values / 3).unsqueeze(1).expand(samples.valid.shape)


class Tabular(Discriminator):
    """Has one score for each of the 27 sequences of three tokens out of three."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(27))

    def forward(self, samples: Samples) -> Scores:
        logits = self.table[samples.x @ torch.tensor([9, 3, 1])].unsqueeze(1)  # [B,1]
        return Scores(logits, torch.ones_like(logits))


def test_contract() -> None:
    generator = TabularGenerator(tiny_vocabulary(6), 5)
    check_loss(ImportanceWeighted(generator), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))


def test_values_equal_the_formula() -> None:
    value, stats = ImportanceWeighted(Fixed([-2.0, -4.5]), 0.0).discriminator(opponent(), REAL, FAKE)
    one, other = math.exp(0.5 + 2.0), math.exp(-3.0 + 4.5)
    first, second = one / (one + other), other / (one + other)
    assert value.item() == pytest.approx((first * 0.5 + second * -3.0) - (2.0 - 1.0) / 2)
    assert stats["d_loss"].item() == pytest.approx(value.item())
    assert stats["effective_share"].item() == pytest.approx(1 / (first**2 + second**2) / 2)
    assert stats["weight_power"].item() == 1
    assert stats["reward_real"].item() == pytest.approx(0.5)
    assert stats["reward_fake"].item() == pytest.approx(-1.25)


def test_token_scores_that_count_are_summed() -> None:
    value, _ = ImportanceWeighted(Fixed([-2.0, -4.5]), 0.0).discriminator(token_opponent(), REAL, FAKE)
    one, other = math.exp(0.5 - 3.0 + 2.0), math.exp(0.0 + 4.5)
    on_fake = (one * (0.5 - 3.0) + other * 0.0) / (one + other)
    assert value.item() == pytest.approx(on_fake - (2.0 - 1.0 + 0.3) / 2)


def test_the_reward_is_the_logit() -> None:
    found = ImportanceWeighted(Fixed([-1.0, -1.0])).reward(opponent(), FAKE, REAL)
    assert found[:, 0].tolist() == pytest.approx([0.5, -3.0])
    assert not found.requires_grad


# The gradient, compared with the exact one of the likelihood of real text under exp(R) / Z.


def rank_one(length: int, seed: int) -> Tensor:
    return torch.randn(length, 3, generator=torch.Generator().manual_seed(seed))


def problem() -> tuple[TabularGenerator, Linear, Samples, Samples]:
    """Returns a generator, a reward, real text, and many fakes."""
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
    assert d.coefficients.grad is not None
    return d.coefficients.grad.clone()


def relative_error(kind: type[ImportanceWeighted]) -> float:
    """Computes the relative error of the gradient."""
    generator, d, real, fake = problem()
    true = exact(d, real)
    d.zero_grad()
    kind(generator, 0.0).discriminator(d, real, fake).value.backward()
    assert d.coefficients.grad is not None
    return float((d.coefficients.grad - true).norm() / true.norm())


class NotDetached(ImportanceWeighted):
    """Wrong: the weights carry a gradient of their own."""

    def discriminator(self, d: Discriminator, real: Samples, fake: Samples) -> Loss:
        on_fake = d(fake).logits[:, 0]
        weight = (on_fake - self.log_prob(fake).detach()).softmax(0)
        return Loss((weight * on_fake).sum() - d(real).logits.mean(), {})


class NoProposal(ImportanceWeighted):
    """Wrong: the probability under the generator is left out, as if it sampled uniformly."""

    def log_prob(self, fake: Samples) -> Tensor:
        return super().log_prob(fake) * 0


class MeanOverTokens(ImportanceWeighted):
    """Wrong: log pi per token."""

    def log_prob(self, fake: Samples) -> Tensor:
        return super().log_prob(fake) / fake.chosen.sum(1)


def test_the_gradient_is_that_of_the_likelihood_of_real_text() -> None:
    assert relative_error(ImportanceWeighted) < 0.03


@pytest.mark.parametrize("wrong", [NotDetached, NoProposal, MeanOverTokens])
def test_wrong_versions_are_detected(wrong: type[ImportanceWeighted]) -> None:
    assert relative_error(wrong) > 0.15


def test_it_learns_the_log_probability_of_the_data_for_any_generator() -> None:
    """With real text of independent tokens and a different generator, exp(R) is the distribution of the real text."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    every = enumerate_sequences(generator.vocab, 3)
    data = nn.functional.one_hot(every.x, 3).float().mul(rank_one(3, 5).log_softmax(1)).sum((1, 2)).exp()  # [N]
    assert data.sum().item() == pytest.approx(1, abs=1e-5)
    real = every[torch.multinomial(data, 20_000, replacement=True)]
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
        generated = generator.log_prob(every).sum(1).exp()
    assert (generated - data).abs().sum() / 2 > 0.3, "the generator must differ from the real text"
    assert (learned - data).abs().sum() / 2 < 0.04


# Relative to the generator: R = d + log pi.


def test_relative_weights_are_the_softmax_of_d() -> None:
    value, stats = ImportanceWeighted(Fixed([-2.0, -4.5]), 0.0, relative=True).discriminator(opponent(), REAL, FAKE)
    one, other = math.exp(0.5), math.exp(-3.0)  # exp(R) / pi with R = d + log pi
    first, second = one / (one + other), other / (one + other)
    assert value.item() == pytest.approx((first * 0.5 + second * -3.0) - (2.0 - 1.0) / 2)
    assert stats["effective_share"].item() == pytest.approx(1 / (first**2 + second**2) / 2)


def test_the_relative_reward_is_the_logit_plus_the_log_probability() -> None:
    found = ImportanceWeighted(Fixed([-2.0, -4.5]), relative=True).reward(opponent(), FAKE, REAL)
    assert found[:, 0].tolist() == pytest.approx([0.5 - 2.0, -3.0 - 4.5])
    assert not found.requires_grad


def test_relative_rewards_of_tokens_add_the_tokens_log_probability() -> None:
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3, end=True), 3)
    loss, d = ImportanceWeighted(generator, relative=True), Linear(rank_one(3, 1), per_token=True)
    with torch.no_grad():
        fake = generator.sample(Batch.blank(8, 3))
        fake = Samples(fake.x, fake.valid, fake.chosen & (torch.arange(3) > 0))  # the first token was given
        term = loss.reward(d, fake, fake) - d(fake).logits  # [B,T]
        torch.testing.assert_close(term, generator.log_prob(fake) * fake.chosen)
    assert bool((term[:, 0] == 0).all())
    assert bool((term[:, 1] < 0).any())


def test_relative_learns_the_log_ratio_of_data_and_generator() -> None:
    """With real text of independent tokens, d + log pi is its log-probability."""
    torch.manual_seed(0)
    generator = TabularGenerator(tiny_vocabulary(3), 3)
    every = enumerate_sequences(generator.vocab, 3)
    data = nn.functional.one_hot(every.x, 3).float().mul(rank_one(3, 5).log_softmax(1)).sum((1, 2)).exp()  # [N]
    real = every[torch.multinomial(data, 20_000, replacement=True)]
    d = Tabular()
    optimizer = torch.optim.Adam(d.parameters(), 0.05)
    loss = ImportanceWeighted(generator, 0.0, relative=True)
    for _ in range(200):
        with torch.no_grad():
            fake = generator.sample(Batch.blank(2000, 3))
        optimizer.zero_grad()
        loss.discriminator(d, real, fake).value.backward()
        optimizer.step()
    learned = loss.reward(d, every, every)[:, 0].softmax(0)
    assert (learned - data).abs().sum() / 2 < 0.06
    assert (d(every).logits[:, 0].softmax(0) - data).abs().sum() / 2 > 0.2, "d alone is not the reward"


# The guard against degenerate weights.


def test_degenerate_weights_get_the_largest_sufficient_exponent() -> None:
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
    value, stats = ImportanceWeighted(Fixed([-1.0, -5000.0]), 0.6).discriminator(opponent(), REAL, FAKE)
    assert value.isfinite()
    assert stats["effective_share"].item() == pytest.approx(0.6, abs=0.01)


def test_given_tokens_do_not_count_in_log_pi() -> None:
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


# Requirements.


def test_a_generator_without_a_likelihood_is_rejected(tmp_path: Path) -> None:
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
