from __future__ import annotations

import torch
from torch import Tensor, nn

from textgan.nn.encoder import LstmEncoder


def encoder() -> LstmEncoder:
    torch.manual_seed(0)
    brick = LstmEncoder(7, embed_dim=3, hidden_dim=4)
    nn.init.normal_(brick.embedding.weight)
    return brick


X = torch.tensor([[3, 4, 5, 2], [6, 2, 0, 0], [2, 0, 0, 0], [5, 5, 5, 5]])
VALID = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)


def by_hand(brick: LstmEncoder, ids: list[int]) -> Tensor:
    """A word at a time, one sentence alone."""
    state = None
    hidden = torch.zeros(1, 4)
    for word in ids:
        _, state = brick.lstm(brick.embedding.weight[word].view(1, 1, -1), state)
        hidden = state[0][0]
    return hidden[0]


@torch.no_grad()
def test_it_is_the_state_behind_the_last_word() -> None:
    brick = encoder()
    expected = [by_hand(brick, row[valid].tolist()) for row, valid in zip(X, VALID, strict=True)]
    torch.testing.assert_close(brick(X, VALID), torch.stack(expected))


@torch.no_grad()
def test_padding_changes_nothing() -> None:
    brick = encoder()
    junk = torch.where(VALID, X, 6)
    torch.testing.assert_close(brick(junk, VALID), brick(X, VALID))
    longer = nn.functional.pad(X, (0, 3), value=4), nn.functional.pad(VALID, (0, 3))
    torch.testing.assert_close(brick(*longer), brick(X, VALID))


def test_points_of_the_simplex_are_read_and_carry_gradients() -> None:
    brick = encoder().eval()
    soft = nn.functional.one_hot(X, 7).float().requires_grad_()
    codes = brick(soft, VALID)
    torch.testing.assert_close(codes, brick(X, VALID))
    codes[:3].sum().backward()
    assert soft.grad is not None
    reached = soft.grad.abs().sum(2) > 0
    assert torch.equal(reached, VALID)
