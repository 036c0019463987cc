from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from textgan.nn import spectral


def make() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(30, 6), nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 2))
    spectral.normalise(net)
    return net


def largest(layer: nn.Module) -> float:
    assert isinstance(layer.weight, Tensor)
    return torch.linalg.matrix_norm(layer.weight.detach(), 2).item()


def test_the_largest_singular_value_of_each_layer_is_one() -> None:
    net = make().train()
    for _ in range(30):
        net(torch.arange(30))
    assert [largest(net[i]) for i in (0, 1, 3)] == pytest.approx([1, 1, 1], abs=1e-3)


def test_the_weights_keep_their_direction() -> None:
    torch.manual_seed(0)
    plain = nn.Linear(6, 20)
    net = nn.Sequential(copy.deepcopy(plain)).eval()
    spectral.normalise(net)
    torch.testing.assert_close(net[0].weight, plain.weight / largest(plain), rtol=1e-3, atol=1e-3)


def test_the_singular_value_is_updated_in_training_mode_only() -> None:
    net = make()
    with torch.no_grad():
        net.get_parameter("1.parametrizations.weight.original").add_(torch.randn(20, 6))
    net.eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    for _ in range(5):
        net(torch.arange(30))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert abs(largest(net[1]) - 1) > 0.01  # stale
    net.train()
    for _ in range(30):
        net(torch.arange(30))
    assert largest(net[1]) == pytest.approx(1, abs=1e-3)


def test_the_gradient_is_orthogonal_to_the_weight() -> None:
    """Scaling the learned weight does not change the divided one."""
    net = make().train()
    for _ in range(50):
        net(torch.arange(30))
    net(torch.arange(30)).square().sum().backward()
    for i in (0, 1, 3):
        weight = net.get_parameter(f"{i}.parametrizations.weight.original")
        assert weight.grad is not None
        assert weight.grad.norm() > 0
        along = (weight.grad * weight).sum() / (weight.grad.norm() * weight.norm())
        assert along.item() == pytest.approx(0, abs=1e-3)
