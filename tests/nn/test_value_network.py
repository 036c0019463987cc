from __future__ import annotations

import torch

from textgan.core.types import Samples, Vocabulary
from textgan.nn.value_network import ValueNetwork

VOCAB = Vocabulary(6, bos=1, eos=2, pad=0)
X = torch.tensor([[3, 4, 5, 2], [5, 2, 0, 0]])
VALID = X != 0


def network() -> ValueNetwork:
    torch.manual_seed(0)
    return ValueNetwork(VOCAB, embed_dim=3, hidden_dim=4)


@torch.no_grad()
def test_values_are_zero_after_the_end() -> None:
    values = network()(Samples(X, VALID, VALID))
    assert values.shape == X.shape
    assert torch.equal(values != 0, VALID)


@torch.no_grad()
def test_a_value_does_not_depend_on_its_own_token_or_later_ones() -> None:
    net = network()
    values = net(Samples(X, VALID, VALID))
    for position in range(4):
        changed = X.clone()
        changed[:, position:] = 3 - 2 * changed[:, position:].clamp_max(1)
        other = net(Samples(changed, VALID, VALID))
        torch.testing.assert_close(other[:, : position + 1], values[:, : position + 1])
        if position < 3:
            assert not torch.equal(other[0, position + 1 :], values[0, position + 1 :])


@torch.no_grad()
def test_a_value_depends_on_a_token_that_is_given() -> None:
    net = network()
    chosen = VALID.clone()
    chosen[0, 1] = False
    values = net(Samples(X, VALID, chosen))
    assert values[0, 0] == net(Samples(X, VALID, VALID))[0, 0]
    assert values[0, 1] != net(Samples(X, VALID, VALID))[0, 1]
    changed = X.clone()
    changed[0, 1] = 3
    assert net(Samples(changed, VALID, chosen))[0, 1] != values[0, 1]


@torch.no_grad()
def test_the_first_value_is_that_of_the_start() -> None:
    """It is the same for all sequences, as long as nothing is given."""
    values = network()(Samples(X, VALID, VALID))
    assert values[0, 0] == values[1, 0]


def test_every_parameter_is_trained() -> None:
    net = network()
    chosen = VALID.clone()
    chosen[:, 1] = False
    net(Samples(X, VALID, chosen)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())
