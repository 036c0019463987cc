from __future__ import annotations

import torch
from torch import Tensor, nn

from textgan.nn.encoder import LstmEncoder


def make() -> LstmEncoder:
    torch.manual_seed(0)
    encoder = LstmEncoder(7, embed_dim=3, hidden_dim=4)
    nn.init.normal_(encoder.embedding.weight)
    return encoder


X = torch.tensor([[3, 4, 5, 2], [6, 2, 0, 0], [2, 0, 0, 0], [5, 5, 5, 5]])
VALID = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)


def by_hand(encoder: LstmEncoder, ids: list[int]) -> Tensor:
    """Reads one sequence alone, one token at a time."""
    state = None
    hidden = torch.zeros(1, 4)
    for token in ids:
        _, state = encoder.lstm(encoder.embedding.weight[token].view(1, 1, -1), state)
        hidden = state[0][0]
    return hidden[0]


@torch.no_grad()
def test_the_encoding_is_the_state_after_the_last_token() -> None:
    encoder = make()
    expected = [by_hand(encoder, row[valid].tolist()) for row, valid in zip(X, VALID, strict=True)]
    torch.testing.assert_close(encoder(X, VALID), torch.stack(expected))


@torch.no_grad()
def test_padding_has_no_effect() -> None:
    encoder = make()
    junk = torch.where(VALID, X, 6)
    torch.testing.assert_close(encoder(junk, VALID), encoder(X, VALID))
    longer = nn.functional.pad(X, (0, 3), value=4), nn.functional.pad(VALID, (0, 3))
    torch.testing.assert_close(encoder(*longer), encoder(X, VALID))


def test_points_of_the_simplex_are_read_and_carry_gradients() -> None:
    encoder = make().eval()
    soft = nn.functional.one_hot(X, 7).float().requires_grad_()
    codes = encoder(soft, VALID)
    torch.testing.assert_close(codes, encoder(X, VALID))
    codes[:3].sum().backward()
    assert soft.grad is not None
    reached = soft.grad.abs().sum(2) > 0
    assert torch.equal(reached, VALID)
