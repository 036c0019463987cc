from __future__ import annotations

import pytest
import torch

from textgan.core.types import Samples
from textgan.rewards.constant import Constant
from textgan.testing import check_reward, tiny_corpus

CORPUS = tiny_corpus()


def test_contract() -> None:
    check_reward(Constant(), CORPUS)


def test_the_reward_is_the_same_for_every_sequence() -> None:
    batch = CORPUS.train.batch[:6]
    fake = Samples(batch.tokens, batch.valid, batch.valid)
    assert Constant(0.7)(fake, fake).tolist() == [[pytest.approx(0.7)]] * 6


def test_samples_of_every_space_are_accepted() -> None:
    valid = torch.ones(2, 1, dtype=torch.bool)
    codes = Samples(torch.randn(2, 5), valid, valid)
    assert Constant().input_spaces == {"ids", "simplex", "latent"}
    assert Constant(0.5)(codes, codes).tolist() == [[0.5], [0.5]]
