from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from textgan.nn import normal

MEAN = torch.tensor([[0.0, 1.0, -3.0], [0.5, 0.0, 2.0]], dtype=torch.float64)
LOG_VARIANCE = torch.tensor([[0.0, -2.0, 1.5], [3.0, 0.0, -0.5]], dtype=torch.float64)
EXPECTED = Normal(MEAN, (0.5 * LOG_VARIANCE).exp())


def test_the_divergence_is_that_of_torch() -> None:
    expected = kl_divergence(EXPECTED, Normal(torch.zeros_like(MEAN), torch.ones_like(MEAN)))
    torch.testing.assert_close(normal.divergence(MEAN, LOG_VARIANCE), expected)
    assert not normal.divergence(torch.zeros(4), torch.zeros(4)).any()


def test_the_density_is_that_of_torch() -> None:
    points = torch.randn(5, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(normal.log_density(points, MEAN, LOG_VARIANCE), EXPECTED.log_prob(points).sum(2))


def test_samples_have_the_mean_and_the_variance() -> None:
    found = normal.sample(MEAN.expand(20_000, 2, 3), LOG_VARIANCE.expand(20_000, 2, 3))
    scaled = (found - MEAN) / EXPECTED.stddev
    assert scaled.mean(0).abs().max() < 0.04
    assert (scaled.var(0) - 1).abs().max() < 0.06


def test_samples_carry_gradients_to_both_parameters() -> None:
    mean, log_variance = MEAN.clone().requires_grad_(), LOG_VARIANCE.clone().requires_grad_()
    torch.manual_seed(1)
    points = normal.sample(mean, log_variance)
    points.sum().backward()
    assert mean.grad is not None
    assert log_variance.grad is not None
    assert torch.equal(mean.grad, torch.ones_like(MEAN))
    torch.testing.assert_close(log_variance.grad, 0.5 * (points - mean).detach())


@pytest.mark.parametrize("log_variance", [-60.0, -torch.inf])
def test_without_variance_a_sample_is_the_mean(log_variance: float) -> None:
    found = normal.sample(MEAN, torch.full_like(MEAN, log_variance))
    torch.testing.assert_close(found, MEAN)
