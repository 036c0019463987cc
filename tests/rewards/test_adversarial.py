from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from textgan.core.types import Samples
from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.bce import Bce
from textgan.rewards.adversarial import AdversarialReward
from textgan.testing import check_reward, tiny_corpus

CORPUS = tiny_corpus()


def sentences() -> Samples:
    batch = CORPUS.train.batch[:6]
    return Samples(batch.tokens, batch.valid, batch.valid)


def discriminator() -> TextCnn:
    torch.manual_seed(0)
    return TextCnn(CORPUS.vocab, embed_dim=8, widths=(1, 2), filters=4, dropout=0.5).eval()


def test_contract() -> None:
    check_reward(AdversarialReward(discriminator(), Bce()), CORPUS)


@pytest.mark.parametrize(("reward_transform", "function"), [("probability", torch.sigmoid), ("logit", torch.clone)])
def test_the_reward_is_the_losses_transform_of_the_score(reward_transform: Any, function: Any) -> None:
    d, fake = discriminator(), sentences()
    found = AdversarialReward(d, Bce(reward_transform))(fake, sentences())
    torch.testing.assert_close(found, function(d(fake).logits))


def test_gradients_reach_samples_that_carry_them() -> None:
    ids = sentences()
    x = F.one_hot(ids.x, CORPUS.vocab.size).float().requires_grad_()
    reward = AdversarialReward(discriminator(), Bce())
    assert reward.differentiable
    reward(ids.with_x(x), ids).sum().backward()
    assert x.grad is not None
    assert x.grad.any()
    assert not reward(ids, ids).requires_grad
