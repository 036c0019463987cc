from __future__ import annotations

import math
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores
from textgan.discriminators.text_cnn import TextCnn
from textgan.losses import functional, mmd
from textgan.losses.mmd import Mmd
from textgan.testing import check_loss


class Points(Discriminator):
    """Reads points, which are their own features."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"features"})

    def forward(self, samples: Samples) -> Scores:
        return Scores(samples.x.sum(1, keepdim=True), torch.ones(len(samples), 1))

    def features(self, samples: Samples) -> Tensor:
        return samples.x


def points(*rows: list[float]) -> Samples:
    x = torch.tensor(rows)
    return Samples(x, *[torch.ones(len(x), 1, dtype=torch.bool)] * 2)


REAL = points([0.0, 0.0], [1.0, 0.0], [0.0, 2.0])
FAKE = points([3.0, 0.0], [0.0, -1.0])
UNIT = math.sqrt((2 * 1 + 2 * 4 + 2 * 5) / 9)
"""The root mean square distance between all pairs of real points."""


def kernel(f: list[float], g: list[float], bandwidths: tuple[float, ...]) -> float:
    square = sum((a - b) ** 2 for a, b in zip(f, g, strict=True)) / UNIT**2
    return sum(math.exp(-square / (2 * s**2)) for s in bandwidths)


def average(these: Samples, those: Samples, bandwidths: tuple[float, ...]) -> float:
    each = [kernel(f, g, bandwidths) for f in these.x.tolist() for g in those.x.tolist()]
    return sum(each) / len(each)


def distance(loss: Mmd, real: Samples = REAL, fake: Samples = FAKE) -> float:
    return loss.discriminator(Points(), real, fake).stats["d_mmd"].item()


def test_contract() -> None:
    check_loss(Mmd(), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))


@pytest.mark.parametrize("bandwidths", [(1.0,), (0.5, 1.0, 2.0), (2.0, 0.1)])
def test_values_equal_the_formula(bandwidths: tuple[float, ...]) -> None:
    value, stats = Mmd(bandwidths, matching=0.7).discriminator(Points(), REAL, FAKE)
    pairs = [(REAL, REAL), (FAKE, FAKE), (REAL, FAKE)]
    of_reals, of_fakes, between = (average(*both, bandwidths) for both in pairs)
    assert stats["d_mmd"].item() == pytest.approx(of_reals + of_fakes - 2 * between, abs=1e-5)
    entropy = functional.cross_entropy(Points()(REAL), Points()(FAKE)).item()
    assert value.item() == pytest.approx(entropy - 0.7 * stats["d_mmd"].item(), abs=1e-5)


def test_the_kernel_is_a_sum_over_all_bandwidths() -> None:
    """A known error resets the sum inside the loop, so that only the last bandwidth counts."""
    wide, narrow, both = (distance(Mmd(b)) for b in ((2.0,), (0.1,), (2.0, 0.1)))
    assert abs(wide - narrow) > 0.3
    assert both == pytest.approx(wide + narrow, abs=1e-5)
    assert both == pytest.approx(distance(Mmd((0.1, 2.0))), abs=1e-5)
    loss = {b: Mmd(b).reward(Points(), FAKE, REAL) for b in ((2.0,), (0.1,), (2.0, 0.1))}
    torch.testing.assert_close(loss[2.0, 0.1], loss[2.0,] + loss[0.1,])


def test_the_discriminators_loss_increases_the_distance_of_the_features() -> None:
    torch.manual_seed(0)
    real, fake = (points(*torch.randn(16, 2).tolist()) for _ in range(2))

    class Stretch(Points):
        def __init__(self) -> None:
            super().__init__()
            self.offset = torch.nn.Parameter(torch.tensor([0.1, 0.0]))

        def features(self, samples: Samples) -> Tensor:
            return samples.x + (self.offset if samples is fake else 0)

    d = Stretch()
    value, _ = Mmd().discriminator(d, real, fake)
    value.backward()
    assert d.offset.grad is not None
    before = distance_under(d, real, fake)
    with torch.no_grad():
        d.offset.sub_(0.1 * d.offset.grad / d.offset.grad.norm())
    assert distance_under(d, real, fake) > before


def distance_under(d: Discriminator, real: Samples, fake: Samples) -> float:
    return Mmd().discriminator(d, real, fake).stats["d_mmd"].item()


def test_the_reward_is_the_witness_function() -> None:
    bandwidths = (0.5, 2.0)
    found = Mmd(bandwidths).reward(Points(), FAKE, REAL)
    f, g = FAKE[:1], FAKE[1:]
    expected = [average(a, REAL, bandwidths) - average(a, b, bandwidths) for a, b in ((f, g), (g, f))]
    assert found.shape == (2, 1)
    assert found[:, 0].tolist() == pytest.approx(expected, abs=1e-5)
    assert not found.requires_grad


def test_each_fake_is_compared_with_as_many_fakes_as_there_are_reals() -> None:
    bandwidths = (1.0,)
    many = points([3.0, 0.0], [0.0, -1.0], [1.0, 1.0], [0.5, 0.5], [2.0, 0.0])
    found = Mmd(bandwidths).reward(Points(), many, REAL)[:, 0].tolist()
    for i, reward in enumerate(found):
        others = many[torch.tensor([j for j in range(3) if j != i])]
        assert reward == pytest.approx(
            average(many[i : i + 1], REAL, bandwidths) - average(many[i : i + 1], others, bandwidths), abs=1e-5
        )


def test_the_piece_size_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    many = points(*torch.randn(20, 2).tolist())
    whole = Mmd().reward(Points(), many, REAL)
    monkeypatch.setattr(mmd, "ROWS", 7)
    torch.testing.assert_close(Mmd().reward(Points(), many, REAL), whole)


def test_a_single_fake_has_no_others() -> None:
    found = Mmd((1.0,)).reward(Points(), FAKE[:1], REAL)
    assert found.item() == pytest.approx(average(FAKE[:1], REAL, (1.0,)), abs=1e-5)


def test_the_rewards_gradient_is_that_of_minus_half_the_squared_mmd() -> None:
    """If the other fakes were not held constant, each pair of fakes would count twice."""
    torch.manual_seed(0)
    loss, n = Mmd(), 6
    real, x = points(*torch.randn(6, 2).tolist()), torch.randn(n, 2).requires_grad_()
    fake = Samples(x, *[torch.ones(n, 1, dtype=torch.bool)] * 2)
    unit = mmd._typical_distance(real.x)
    within = (loss.kernel(x, x, unit).sum() - len(loss.bandwidths) * n) / (n * (n - 1))
    half = (within - 2 * loss.kernel(x, real.x, unit).mean()) / 2
    (expected,) = torch.autograd.grad(-half, x)
    (found,) = torch.autograd.grad(loss.reward(Points(), fake, real).mean(), x)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_bandwidths_fit_features_of_any_size(size: float) -> None:
    big, small = (Samples(s.x * size, s.valid, s.chosen) for s in (REAL, FAKE))
    assert distance(Mmd(), big, small) == pytest.approx(distance(Mmd()), rel=1e-3)


def test_equal_features_have_kernel_one_despite_rounding() -> None:
    torch.manual_seed(0)
    same = points(*[(100 * torch.rand(64)).tolist()] * 8)
    loss = Mmd((0.5,))
    assert loss.kernel(same.x, same.x, mmd._typical_distance(same.x)).min() > 0.9
    assert distance(loss, same, same) == pytest.approx(0, abs=1e-3)


def test_a_kernel_needs_a_bandwidth() -> None:
    with pytest.raises(ValueError, match=r"bandwidths=\[\]: empty"):
        Mmd(())
