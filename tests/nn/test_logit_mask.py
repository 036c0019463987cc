from __future__ import annotations

import pytest
import torch

from textgan.core.types import Vocabulary
from textgan.nn.logit_mask import FORBIDDEN, logit_mask


@pytest.mark.parametrize("forbidden", [(), (0,), (0, 4), (1, 2, 3)])
def test_forbidden_ids_have_probability_zero(forbidden: tuple[int, ...]) -> None:
    mask = logit_mask(Vocabulary(5, bos=0, eos=None, pad=0, forbidden_ids=forbidden))
    expected = torch.zeros(5)
    for token in forbidden:
        expected[token] = FORBIDDEN
    assert torch.equal(mask, expected)
    probability = (100 * torch.randn(5) + mask).softmax(0)
    assert not probability[list(forbidden)].any()


def test_gradients_are_finite_where_a_token_is_forbidden() -> None:
    mask = logit_mask(Vocabulary(3, bos=0, eos=None, pad=0, forbidden_ids=(1,)))
    logits = torch.zeros(3, requires_grad=True)
    log_probability = (logits + mask).log_softmax(0)
    (log_probability.exp() * log_probability).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
