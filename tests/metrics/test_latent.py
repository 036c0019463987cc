from __future__ import annotations

import math

import pytest
import torch
from support.worlds import Unigram, World
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.types import Batch
from textgan.metrics.latent import Latent


class Coded(Unigram):
    """Has a code whose first dimension is the scaled length of the sentence; the others carry no information."""

    def __init__(self, scale: float, variance: float) -> None:
        super().__init__([0.5, 0.5])
        self.scale, self.variance = scale, variance

    def posterior(self, batch: Batch) -> tuple[Tensor, Tensor]:
        self.rows.append(len(batch))
        length = batch.valid.sum(1).float()
        mean = torch.stack([self.scale * length, torch.zeros_like(length), torch.full_like(length, 3.0)], 1)
        return mean, torch.full_like(mean, math.log(self.variance))


TEXTS = ["a", "a b c"]  # of 2 and 4 tokens, ends included


@pytest.mark.parametrize(("scale", "active"), [(0.0, 0), (0.099, 0), (0.101, 1), (5.0, 1)])
def test_a_unit_is_active_where_its_mean_varies_with_the_sentence(scale: float, active: int) -> None:
    """The mean is 2 or 4 times the scale: its variance is the scale squared."""
    assert Latent()(World()(TEXTS, test=TEXTS, generator=Coded(scale, 1.0)))["active_units"] == active


def test_kl_is_nats_per_sentence() -> None:
    measured = Latent()(World()(["x"], test=TEXTS, generator=Coded(1.0, 0.25)))
    each = [sum(0.5 * (m * m + 0.25 - 1 - math.log(0.25)) for m in (length, 0, 3)) for length in (2, 4)]
    assert measured["kl"] == pytest.approx(sum(each) / 2)


def test_the_limit_takes_the_first_sentences_of_the_test_split() -> None:
    generator = Coded(1.0, 1.0)
    measured = Latent(limit=2)(World()(["x"], test=[*TEXTS, "a b c d e f g"], generator=generator))
    assert sum(generator.rows) == 2
    assert measured["kl"] == pytest.approx(((4 + 9) / 2 + (16 + 9) / 2) / 2)
    with pytest.raises(UserError, match="test split"):
        Latent()(World()(["x"], test=[], generator=generator))


def test_only_active_units_have_a_direction() -> None:
    assert Latent().better() == {"active_units": "higher"}
    assert Latent().requires == {"posterior"}
    assert "sentences:2000" in Latent().signature()
