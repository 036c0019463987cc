from __future__ import annotations

import torch
from torch.nn import functional

from textgan.nn.embedding import embed


def test_ids_and_corners_of_the_simplex_have_the_same_embeddings() -> None:
    weight, x = torch.randn(7, 3), torch.randint(7, (2, 4))
    found = embed(x, weight)
    assert torch.equal(found, weight[x])
    torch.testing.assert_close(embed(functional.one_hot(x, 7).float(), weight), found)


def test_other_points_are_mixtures_that_carry_gradients() -> None:
    weight = torch.randn(3, 2)
    x = torch.tensor([0.5, 0.2, 0.3], requires_grad=True)
    found = embed(x, weight)
    torch.testing.assert_close(found, 0.5 * weight[0] + 0.2 * weight[1] + 0.3 * weight[2])
    (grad,) = torch.autograd.grad(found[1], x)
    assert torch.equal(grad, weight[:, 1])
