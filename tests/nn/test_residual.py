from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from textgan.nn.residual import Block, ResidualMlp


def test_a_block_adds_a_change_to_its_input() -> None:
    block, x = Block(4), torch.randn(3, 4)
    expected = x + functional.relu(x @ block.inner.weight.t() + block.inner.bias) @ block.outer.weight.t()
    torch.testing.assert_close(block(x), expected + block.outer.bias)


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_blocks_follow_the_linear_layer(blocks: int) -> None:
    net, x = ResidualMlp(5, 4, blocks), torch.randn(7, 5)
    expected = net.enter(x)
    for block in net.blocks:
        expected = block(expected)
    found = net(x)
    assert found.shape == (7, 4)
    assert len(net.blocks) == blocks
    assert torch.equal(found, expected)


def test_each_row_is_processed_by_itself() -> None:
    net, x = ResidualMlp(5, 4, 2), torch.randn(7, 5)
    torch.testing.assert_close(torch.cat([net(row.unsqueeze(0)) for row in x]), net(x))


def test_gradients_pass_through_many_blocks() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 5, requires_grad=True)
    ResidualMlp(5, 8, 50)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().mean() > 1e-3
