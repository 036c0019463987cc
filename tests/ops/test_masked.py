from __future__ import annotations

import pytest
import torch
from torch import Tensor

from textgan.ops.masked import masked_mean, masked_mean_rows

VALUES = torch.tensor([[1.0, 7.0, 2.0], [3.0, 9.0, 4.0], [5.0, 5.0, 5.0]])
WEIGHT = torch.tensor([[True, False, True], [True, False, False], [False, False, False]])


@pytest.mark.parametrize("weight", [WEIGHT, WEIGHT.float(), WEIGHT.long()], ids=["bool", "float", "long"])
def test_means_are_over_the_entries_that_count(weight: Tensor) -> None:
    assert masked_mean(VALUES, weight).item() == 2
    assert masked_mean_rows(VALUES, weight).tolist() == [1.5, 3, 0]


def test_nothing_that_counts_has_the_mean_zero() -> None:
    nothing = torch.zeros_like(WEIGHT)
    assert masked_mean(VALUES, nothing).item() == 0
    assert masked_mean_rows(VALUES, nothing).tolist() == [0, 0, 0]


def test_rows_of_vectors() -> None:
    torch.manual_seed(0)
    values = torch.randn(3, 3, 4)
    found = masked_mean_rows(values, WEIGHT.unsqueeze(2))
    assert found.shape == (3, 4)
    torch.testing.assert_close(found[0], (values[0, 0] + values[0, 2]) / 2)
    assert not found[2].any()


def test_no_gradient_reaches_entries_that_do_not_count() -> None:
    for mean in (masked_mean, masked_mean_rows):
        values = VALUES.clone().requires_grad_()
        mean(values, WEIGHT).sum().backward()
        assert values.grad is not None
        assert torch.equal(values.grad != 0, WEIGHT)
