from __future__ import annotations

import pytest
import torch
from support.opponents import FAKE, REAL, Fixed, opponent, token_opponent

from textgan.losses import functional
from textgan.core.types import Scores


def test_shares_are_of_the_scores_that_count() -> None:
    each, weight = torch.tensor([[1.0, 7.0], [3.0, 9.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert functional.masked_share(each > 2, weight).item() == 0.5
    assert functional.masked_share(each > 2, torch.zeros(2, 2)).item() == 0


def test_accuracies_know_where_real_begins() -> None:
    d = opponent()
    at = {b: functional.accuracies(d(REAL), d(FAKE), b) for b in (0.0, 1.0, 3.0)}
    assert {b: (s["d_accuracy_real"].item(), s["d_accuracy_fake"].item()) for b, s in at.items()} == {
        0.0: (0.5, 0.5),
        1.0: (0.5, 1.0),
        3.0: (0.0, 1.0),
    }


def test_pairs_are_row_by_row_and_count_where_both_do() -> None:
    d = token_opponent()
    found = functional.pairs(d(REAL), d(FAKE))
    assert found.logits[0].tolist() == pytest.approx([1.5, 80.0])
    assert found.weight.tolist() == [[1, 0], [0, 0]]
    two, three = (Scores(torch.arange(n).float().unsqueeze(1), torch.ones(n, 1)) for n in (2, 3))
    assert functional.pairs(two, three).logits.tolist() == [[0], [0]]
    assert functional.pairs(three, two).weight.tolist() == [[1], [1]]


def test_gradients_are_kept_only_where_samples_carry_them() -> None:
    d = Fixed(real=torch.ones(2, 1), fake=torch.ones(2, 1))
    assert not functional.score_fake(d, FAKE).logits.requires_grad
    moved = FAKE.with_x(torch.zeros(2, 3).requires_grad_())
    assert functional.score_fake(d, moved).logits.requires_grad
