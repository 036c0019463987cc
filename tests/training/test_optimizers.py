from __future__ import annotations

import pytest
import torch
from torch import nn

from textgan.training import optimizers


def parameter(gradient: float = 2.0) -> nn.Parameter:
    """A parameter of value 1 with a gradient."""
    one = nn.Parameter(torch.ones(3))
    one.grad = torch.full((3,), gradient)
    return one


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_a_first_step_of_adam_is_lr_against_the_gradients_sign(name: str) -> None:
    one = parameter()
    getattr(optimizers, name)([one], lr=0.1, weight_decay=0.0).step()
    torch.testing.assert_close(one.detach(), torch.full((3,), 0.9))


def test_weight_decay_of_adam_is_part_of_the_gradient_and_that_of_adamw_is_not() -> None:
    decayed = parameter(0.0)
    optimizers.adam([decayed], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(decayed.detach(), torch.full((3,), 0.9))  # lr times the sign
    decoupled = parameter(0.0)
    optimizers.adamw([decoupled], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(decoupled.detach(), torch.full((3,), 1 - 0.1 * 0.5))


def test_sgd_steps_along_the_gradient_with_momentum() -> None:
    one = parameter()
    optimizer = optimizers.sgd([one], lr=0.1, momentum=0.5)
    optimizer.step()
    torch.testing.assert_close(one.detach(), torch.full((3,), 0.8))
    optimizer.step()
    torch.testing.assert_close(one.detach(), torch.full((3,), 0.8 - 0.1 * (2 + 0.5 * 2)))


def test_betas_of_a_recipe_may_be_a_list() -> None:
    (group,) = optimizers.adam([parameter()], betas=[0.5, 0.9], eps=1e-3).param_groups
    assert (group["betas"], group["eps"]) == ((0.5, 0.9), 1e-3)
