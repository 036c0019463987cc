from __future__ import annotations

import math

import pytest
import torch
from support.opponents import FAKE, REAL, Linear, opponent, token_opponent
from torch import nn

from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores, Vocabulary
from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.wasserstein import Wasserstein
from textgan.testing import check_loss, tiny_vocabulary

VOCAB = tiny_vocabulary(4)


def ids(*rows: list[int]) -> Samples:
    """Sequences of ids; 3 is padding."""
    x = torch.tensor(rows)
    return Samples(x, x != 3, x != 3)


def penalty_of(d: Discriminator, real: Samples, fake: Samples) -> float:
    """Computes the penalty term, at weight 1."""
    torch.manual_seed(0)
    with_it = Wasserstein(VOCAB, 1.0).discriminator(d, real, fake).value
    return (with_it - Wasserstein(VOCAB, 0.0).discriminator(d, real, fake).value).item()


@pytest.mark.parametrize("weight", [0.0, 10.0])
def test_contract(weight: float) -> None:
    vocab = tiny_vocabulary(6)
    check_loss(Wasserstein(vocab, weight), lambda v: TextCnn(v, embed_dim=4, widths=(1, 2), filters=4))


def test_without_a_penalty_the_loss_is_the_difference_of_the_means() -> None:
    value, stats = Wasserstein(VOCAB, 0.0).discriminator(opponent(), REAL, FAKE)
    assert value.item() == pytest.approx((0.5 - 3.0) / 2 - (2.0 - 1.0) / 2)
    assert stats["d_distance"].item() == pytest.approx(-value.item())
    assert stats["d_loss"].item() == pytest.approx(value.item())


def test_f_is_the_mean_of_the_scores_that_count() -> None:
    value, _ = Wasserstein(VOCAB, 0.0).discriminator(token_opponent(), REAL, FAKE)
    real, fake = (2.0 + (-1.0 + 0.3) / 2) / 2, (0.5 - 3.0) / 2  # no score counts in the second fake
    assert value.item() == pytest.approx(fake - real)


def test_the_reward_is_the_logit() -> None:
    loss = Wasserstein(VOCAB)
    assert loss.reward(opponent(), FAKE, REAL).tolist() == [[0.5], [-3.0]]
    assert loss.reward(token_opponent(), FAKE, REAL).tolist() == [[0.5, -3.0], [0, 0]]


def test_the_penalty_of_a_linear_critic_is_known() -> None:
    """Its gradient is its weights, at every point."""
    coefficients = torch.tensor([[1.0, 2.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    assert penalty_of(Linear(coefficients), ids([0, 1], [1, 1]), ids([1, 2], [2, 0])) == pytest.approx((3.0 - 1) ** 2)
    steep = Linear(coefficients / 3)
    assert penalty_of(steep, ids([0, 1]), ids([1, 2])) == pytest.approx(0, abs=1e-6)


def test_the_gradient_norm_is_per_sequence_and_not_over_the_batch() -> None:
    """A known error takes one norm over the whole batch, which grows with the batch, or one per position."""
    coefficients = torch.tensor([[0.6, 0.0, 0.0, 0.0], [0.0, 0.8, 0.0, 0.0]])  # of norm 1
    d = Linear(coefficients)
    for rows in (1, 2, 50):
        real, fake = ids(*[[0, 1]] * rows), ids(*[[1, 2]] * rows)
        assert penalty_of(d, real, fake) == pytest.approx(0, abs=1e-6), f"{rows} sequences"
        x = Wasserstein(VOCAB).interpolate(real, fake)
        (gradient,) = torch.autograd.grad(d(x).logits.sum(), x.x)
        over_the_batch = (gradient.norm() - 1) ** 2
        per_position = ((gradient.norm(dim=2) - 1) ** 2).mean()
        assert over_the_batch.item() == pytest.approx((math.sqrt(rows) - 1) ** 2, rel=1e-4, abs=1e-6)
        assert per_position.item() == pytest.approx((0.4**2 + 0.2**2) / 2)


def test_the_penalty_is_a_mean_of_squares_over_sequences() -> None:
    """Sequences of different lengths have different gradients; squares are averaged, not norms."""
    coefficients = torch.tensor([[3.0, 0, 0, 0], [4.0, 0, 0, 0]])
    real, fake = ids([0, 0], [0, 3], [0, 3]), ids([0, 3], [1, 3], [1, 0])
    expected = ((5 - 1) ** 2 + (3 - 1) ** 2 + (5 - 1) ** 2) / 3  # valid where either of the two is
    assert penalty_of(Linear(coefficients), real, fake) == pytest.approx(expected)


def test_the_points_lie_on_lines_between_real_and_fake() -> None:
    torch.manual_seed(0)
    real, fake = ids(*[[0, 1, 2]] * 200), ids(*[[0, 2, 3]] * 200)
    points = Wasserstein(VOCAB).interpolate(real, fake)
    assert points.x.requires_grad
    share = points.x[:, 1, 1]  # weight of the real sequence
    assert share.min() < 0.05
    assert share.max() > 0.95
    assert share.std() > 0.25
    expected = torch.stack([torch.tensor([[1.0, 0, 0, 0], [0, s, 1 - s, 0], [0, 0, s, 1 - s]]) for s in share.tolist()])
    torch.testing.assert_close(points.x.detach(), expected)
    assert points.valid.all()


def test_simplex_points_and_codes_are_interpolated_unchanged() -> None:
    torch.manual_seed(0)
    soft = torch.rand(2, 3, 4).softmax(2)
    real, fake = ids([0, 1, 2], [1, 2, 0]), ids([0, 1, 2], [1, 2, 0]).with_x(soft)
    points = Wasserstein(VOCAB).interpolate(real, fake).x
    position = (points - torch.nn.functional.one_hot(real.x, 4)) / (soft - torch.nn.functional.one_hot(real.x, 4))
    torch.testing.assert_close(position, position[:, :1, :1].expand_as(position), atol=1e-4, rtol=1e-4)
    codes = [real.with_x(torch.full((2, 5), value)) for value in (1.0, 0.0)]
    assert Wasserstein(VOCAB).interpolate(*codes).x.shape == (2, 5)
    critic = Linear(torch.tensor([3.0, 0.0, 4.0, 0.0, 0.0]))
    assert penalty_of(critic, *codes) == pytest.approx((5.0 - 1) ** 2)


def test_the_penalty_of_token_scores_uses_their_mean() -> None:
    coefficients = torch.tensor([[3.0, 0, 0, 0], [4.0, 0, 0, 0]])
    real, fake = ids([0, 0], [0, 3]), ids([0, 0], [1, 3])
    expected = ((5 / 2 - 1) ** 2 + (3 - 1) ** 2) / 2
    assert penalty_of(Linear(coefficients, per_token=True), real, fake) == pytest.approx(expected)
    shown = Samples(real.x, real.valid, real.chosen & torch.tensor([[True], [False]]))  # no token of the second counts
    given = Samples(fake.x, fake.valid, shown.chosen)
    assert penalty_of(Linear(coefficients, per_token=True), shown, given) == pytest.approx((5 / 2 - 1) ** 2)


def test_the_penalty_pulls_the_gradient_norm_towards_one() -> None:
    """Second-order gradients reach the parameters: the derivative of (|p| - 1)^2 in p."""
    coefficients = torch.tensor([[3.0, 0, 0, 0], [4.0, 0, 0, 0]])
    d = Linear(coefficients.clone())
    real, fake = ids([0, 0]), ids([0, 0])  # equal, so the distance has no gradient
    Wasserstein(VOCAB, 1.0).discriminator(d, real, fake).value.backward()
    assert d.coefficients.grad is not None
    torch.testing.assert_close(d.coefficients.grad, 2 * (5 - 1) * coefficients / 5)


def test_a_flat_critic_has_a_finite_gradient() -> None:
    d = Linear(torch.zeros(2, 4))
    Wasserstein(VOCAB).discriminator(d, ids([0, 1]), ids([2, 2])).value.backward()
    assert d.coefficients.grad is not None
    assert d.coefficients.grad.isfinite().all()


def test_there_may_be_more_fakes_than_reals() -> None:
    d = Linear(torch.ones(2, 4))
    assert Wasserstein(VOCAB).discriminator(d, ids([0, 1]), ids([2, 2], [1, 1], [0, 1])).value.isfinite()


def test_it_measures_the_distance_between_two_distributions() -> None:
    """On a line, with real codes at 1 or 3 and fakes at 0, the distance is 2."""
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
            weight.abs_()  # increasing: the penalty separates decreasing critics from increasing ones
    optimizer = torch.optim.Adam(d.net.parameters(), 1e-2)
    loss = Wasserstein(VOCAB, 10.0)
    for _ in range(400):
        value, stats = loss.discriminator(d, Samples(real, valid, valid), Samples(fake, valid, valid))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    assert stats["d_distance"].item() == pytest.approx(2.0, rel=0.15)
    assert stats["d_gradient_norm"].item() == pytest.approx(1.0, rel=0.1)


def test_gradients_reach_a_discriminator_that_reads_ids() -> None:
    torch.manual_seed(0)
    d = TextCnn(Vocabulary(4, 0, None, 3), embed_dim=4, widths=(1, 2), filters=4)
    loss = Wasserstein(VOCAB, 10.0)
    loss.discriminator(d, ids([0, 1, 2], [1, 1, 3]), ids([2, 3, 3], [0, 0, 0])).value.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in d.parameters() if p is not d.output.bias)
