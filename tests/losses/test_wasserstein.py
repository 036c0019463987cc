from __future__ import annotations

import math

import pytest
import torch
from support.opponents import FAKE, REAL, Linear, opponent, token_opponent
from torch import nn

from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.wasserstein import Wasserstein
from textgan.core.roles import Discriminator
from textgan.testing import check_loss, tiny_vocabulary
from textgan.core.types import Samples, Scores, Vocabulary

VOCAB = tiny_vocabulary(4)


def ids(*rows: list[int]) -> Samples:
    """Sequences of ids; 3 is padding."""
    x = torch.tensor(rows)
    return Samples(x, x != 3, x != 3)


def penalty(d: Discriminator, real: Samples, fake: Samples) -> float:
    """What the penalty adds, at weight 1."""
    torch.manual_seed(0)
    with_it = Wasserstein(VOCAB, 1.0).discriminator(d, real, fake).value
    return (with_it - Wasserstein(VOCAB, 0.0).discriminator(d, real, fake).value).item()


@pytest.mark.parametrize("weight", [0.0, 10.0])
def test_does_what_every_loss_must(weight: float) -> None:
    vocab = tiny_vocabulary(6)
    check_loss(Wasserstein(vocab, weight), lambda v: TextCnn(v, embed_dim=4, widths=(1, 2), filters=4))


def test_without_a_penalty_it_is_the_difference_of_the_means() -> None:
    value, stats = Wasserstein(VOCAB, 0.0).discriminator(opponent(), REAL, FAKE)
    assert value.item() == pytest.approx((0.5 - 3.0) / 2 - (2.0 - 1.0) / 2)
    assert stats["d_distance"].item() == pytest.approx(-value.item())
    assert stats["d_loss"].item() == pytest.approx(value.item())


def test_a_sequence_is_worth_the_mean_of_its_verdicts_that_count() -> None:
    value, _ = Wasserstein(VOCAB, 0.0).discriminator(token_opponent(), REAL, FAKE)
    real, fake = (2.0 + (-1.0 + 0.3) / 2) / 2, (0.5 - 3.0) / 2  # nothing counts in the second fake
    assert value.item() == pytest.approx(fake - real)


def test_a_fake_earns_its_logit() -> None:
    loss = Wasserstein(VOCAB)
    assert loss.reward(opponent(), FAKE, REAL).tolist() == [[0.5], [-3.0]]
    assert loss.reward(token_opponent(), FAKE, REAL).tolist() == [[0.5, -3.0], [0, 0]]


def test_the_penalty_of_a_linear_critic_is_known() -> None:
    """Its slope is its prices, wherever one looks."""
    price = torch.tensor([[1.0, 2.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    assert penalty(Linear(price), ids([0, 1], [1, 1]), ids([1, 2], [2, 0])) == pytest.approx((3.0 - 1) ** 2)
    steep = Linear(price / 3)
    assert penalty(steep, ids([0, 1]), ids([1, 2])) == pytest.approx(0, abs=1e-6)


def test_the_gradient_penalty_is_of_each_sequence_and_not_over_the_batch() -> None:
    """A known error takes one norm over the whole batch, or one a position: the penalty then grows with the batch."""
    price = torch.tensor([[0.6, 0.0, 0.0, 0.0], [0.0, 0.8, 0.0, 0.0]])  # of norm 1
    d = Linear(price)
    for rows in (1, 2, 50):
        real, fake = ids(*[[0, 1]] * rows), ids(*[[1, 2]] * rows)
        assert penalty(d, real, fake) == pytest.approx(0, abs=1e-6), f"{rows} sequences"
        x = Wasserstein(VOCAB).interpolate(real, fake)
        (slope,) = torch.autograd.grad(d(x).logits.sum(), x.x)
        over_the_batch = (slope.norm() - 1) ** 2
        a_position = ((slope.norm(dim=2) - 1) ** 2).mean()
        assert over_the_batch.item() == pytest.approx((math.sqrt(rows) - 1) ** 2, rel=1e-4, abs=1e-6)
        assert a_position.item() == pytest.approx((0.4**2 + 0.2**2) / 2)


def test_each_sequence_has_a_norm_of_its_own() -> None:
    """Sequences that end at different places have different slopes; the mean is of the squares, not of the slopes."""
    price = torch.tensor([[3.0, 0, 0, 0], [4.0, 0, 0, 0]])
    real, fake = ids([0, 0], [0, 3], [0, 3]), ids([0, 3], [1, 3], [1, 0])
    expected = ((5 - 1) ** 2 + (3 - 1) ** 2 + (5 - 1) ** 2) / 3  # valid where either is
    assert penalty(Linear(price), real, fake) == pytest.approx(expected)


def test_the_points_lie_on_lines_between_real_and_fake() -> None:
    torch.manual_seed(0)
    real, fake = ids(*[[0, 1, 2]] * 200), ids(*[[0, 2, 3]] * 200)
    between = Wasserstein(VOCAB).interpolate(real, fake)
    assert between.x.requires_grad
    share = between.x[:, 1, 1]  # of the real one
    assert share.min() < 0.05
    assert share.max() > 0.95
    assert share.std() > 0.25
    expected = torch.stack([torch.tensor([[1.0, 0, 0, 0], [0, s, 1 - s, 0], [0, 0, s, 1 - s]]) for s in share.tolist()])
    torch.testing.assert_close(between.x.detach(), expected)
    assert between.valid.all()


def test_simplex_and_latents_are_taken_as_they_are() -> None:
    torch.manual_seed(0)
    soft = torch.rand(2, 3, 4).softmax(2)
    real, fake = ids([0, 1, 2], [1, 2, 0]), ids([0, 1, 2], [1, 2, 0]).with_x(soft)
    between = Wasserstein(VOCAB).interpolate(real, fake).x
    place = (between - torch.nn.functional.one_hot(real.x, 4)) / (soft - torch.nn.functional.one_hot(real.x, 4))
    torch.testing.assert_close(place, place[:, :1, :1].expand_as(place), atol=1e-4, rtol=1e-4)
    codes = [real.with_x(torch.full((2, 5), value)) for value in (1.0, 0.0)]
    assert Wasserstein(VOCAB).interpolate(*codes).x.shape == (2, 5)
    critic = Linear(torch.tensor([3.0, 0.0, 4.0, 0.0, 0.0]))
    assert penalty(critic, *codes) == pytest.approx((5.0 - 1) ** 2)


def test_the_penalty_of_token_verdicts_is_on_their_mean() -> None:
    price = torch.tensor([[3.0, 0, 0, 0], [4.0, 0, 0, 0]])
    real, fake = ids([0, 0], [0, 3]), ids([0, 0], [1, 3])
    expected = ((5 / 2 - 1) ** 2 + (3 - 1) ** 2) / 2
    assert penalty(Linear(price, per_token=True), real, fake) == pytest.approx(expected)
    shown = Samples(real.x, real.valid, real.chosen & torch.tensor([[True], [False]]))  # nothing counts in the second
    given = Samples(fake.x, fake.valid, shown.chosen)
    assert penalty(Linear(price, per_token=True), shown, given) == pytest.approx((5 / 2 - 1) ** 2)


def test_the_penalty_moves_the_critic_towards_slope_one() -> None:
    """A gradient of the slope itself reaches the parameters: the derivative of (|p| - 1)^2 in p."""
    price = torch.tensor([[3.0, 0, 0, 0], [4.0, 0, 0, 0]])
    d = Linear(price.clone())
    real, fake = ids([0, 0]), ids([0, 0])  # the distance has no gradient
    Wasserstein(VOCAB, 1.0).discriminator(d, real, fake).value.backward()
    assert d.price.grad is not None
    torch.testing.assert_close(d.price.grad, 2 * (5 - 1) * price / 5)


def test_a_flat_critic_has_a_finite_gradient() -> None:
    d = Linear(torch.zeros(2, 4))
    Wasserstein(VOCAB).discriminator(d, ids([0, 1]), ids([2, 2])).value.backward()
    assert d.price.grad is not None
    assert d.price.grad.isfinite().all()


def test_more_fakes_than_reals_are_compared_as_far_as_they_go() -> None:
    d = Linear(torch.ones(2, 4))
    assert Wasserstein(VOCAB).discriminator(d, ids([0, 1]), ids([2, 2], [1, 1], [0, 1])).value.isfinite()


def test_it_measures_the_distance_between_two_distributions() -> None:
    """In the latent line, reals at 1 or 3 and fakes at 0: the earth is moved by 2 on average."""
    torch.manual_seed(0)
    real, fake = torch.tensor([[1.0], [3.0]]).repeat(32, 1), torch.zeros(64, 1)
    valid = torch.ones(64, 1, dtype=torch.bool)

    class Critic(Discriminator):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))

        def forward(self, samples: Samples) -> Scores:
            return Scores(self.net(samples.x), torch.ones(len(samples), 1))

    d = Critic()
    with torch.no_grad():
        for weight in d.net.parameters():
            weight.abs_()  # rising: the penalty is a wall between falling critics and rising ones
    optimizer = torch.optim.Adam(d.net.parameters(), 1e-2)
    loss = Wasserstein(VOCAB, 10.0)
    for _ in range(400):
        value, stats = loss.discriminator(d, Samples(real, valid, valid), Samples(fake, valid, valid))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert stats["d_distance"].item() == pytest.approx(2.0, rel=0.15)
    assert stats["d_gradient_norm"].item() == pytest.approx(1.0, rel=0.1)


def test_the_real_discriminator_is_reached_through_ids() -> None:
    torch.manual_seed(0)
    d = TextCnn(Vocabulary(4, 0, None, 3), embed_dim=4, widths=(1, 2), filters=4)
    loss = Wasserstein(VOCAB, 10.0)
    loss.discriminator(d, ids([0, 1, 2], [1, 1, 3]), ids([2, 3, 3], [0, 0, 0])).value.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in d.parameters() if p is not d.output.bias)
