from __future__ import annotations

import math

import pytest
import torch
from support.opponents import FAKE, REAL, Fixed, opponent, samples, token_opponent
from torch import nn

from textgan.core.types import Samples, Vocabulary
from textgan.discriminators.text_cnn import TextCnn
from textgan.losses.bce import Bce
from textgan.testing import check_loss


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("reward_transform", ["probability", "log_probability", "logit"])
def test_contract(reward_transform: str) -> None:
    check_loss(Bce(reward_transform), lambda vocab: TextCnn(vocab, embed_dim=4, widths=(1, 2), filters=4))  # type: ignore[arg-type]


def test_values_equal_the_formula() -> None:
    value, stats = Bce().discriminator(opponent(), REAL, FAKE)
    on_real = -(math.log(sigmoid(2.0)) + math.log(sigmoid(-1.0))) / 2
    on_fake = -(math.log(1 - sigmoid(0.5)) + math.log(1 - sigmoid(-3.0))) / 2
    assert value.item() == pytest.approx((on_real + on_fake) / 2)
    assert stats["d_loss"].item() == pytest.approx(value.item())
    assert stats["d_accuracy_real"].item() == 0.5
    assert stats["d_accuracy_fake"].item() == 0.5


def test_one_sided_smoothing() -> None:
    value, _ = Bce(smoothing=0.1).discriminator(opponent(), REAL, FAKE)
    on_real = -sum(0.9 * math.log(sigmoid(x)) + 0.1 * math.log(1 - sigmoid(x)) for x in (2.0, -1.0)) / 2
    on_fake = -(math.log(1 - sigmoid(0.5)) + math.log(1 - sigmoid(-3.0))) / 2
    assert value.item() == pytest.approx((on_real + on_fake) / 2)


def test_it_equals_seqgans_softmax_over_two_classes() -> None:
    """Cross-entropy of [fake, real] outputs over one batch of both kinds, gradient and all."""
    torch.manual_seed(0)
    outputs = torch.randn(8, 2, requires_grad=True)  # real sequences first
    labels = torch.tensor([1] * 4 + [0] * 4)
    softmax_loss = nn.functional.cross_entropy(outputs, labels)
    (expected,) = torch.autograd.grad(softmax_loss, outputs)
    logits = (outputs[:, 1:] - outputs[:, :1]).detach()
    d = Fixed(real=logits[:4], fake=logits[4:])
    loss = Bce().discriminator(d, samples(1, 4), samples(0, 4)).value
    assert loss.item() == pytest.approx(softmax_loss.item())
    loss.backward()
    found = torch.cat([d.logits["real"].grad, d.logits["fake"].grad])
    torch.testing.assert_close(found, expected[:, 1:])
    torch.testing.assert_close(Bce().reward(d, samples(0, 4), REAL), outputs[4:].softmax(1)[:, 1:].detach())


def test_scores_without_weight_do_not_count() -> None:
    d = token_opponent()
    value, stats = Bce().discriminator(d, REAL, FAKE)
    on_real = -sum(math.log(sigmoid(x)) for x in (2.0, -1.0, 0.3)) / 3
    on_fake = -sum(math.log(sigmoid(-x)) for x in (0.5, -3.0)) / 2
    assert value.item() == pytest.approx((on_real + on_fake) / 2)
    assert stats["d_accuracy_real"].item() == pytest.approx(2 / 3)
    assert stats["d_accuracy_fake"].item() == pytest.approx(1 / 2)
    assert Bce().reward(d, FAKE, REAL)[1].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("reward_transform", "expected"),
    [("probability", sigmoid), ("log_probability", lambda x: math.log(sigmoid(x))), ("logit", lambda x: x)],
)
def test_reward_transforms(reward_transform: str, expected: object) -> None:
    found = Bce(reward_transform).reward(opponent(), FAKE, REAL)  # type: ignore[arg-type]
    assert found.shape == (2, 1)
    assert found[:, 0].tolist() == pytest.approx([expected(0.5), expected(-3.0)])  # type: ignore[operator]
    assert not found.requires_grad


def test_extreme_scores_have_finite_losses() -> None:
    d = Fixed(real=torch.tensor([[-500.0], [500.0]]), fake=torch.tensor([[500.0], [-500.0]]))
    value, _ = Bce().discriminator(d, REAL, FAKE)
    assert value.item() == pytest.approx(250)
    assert Bce("log_probability").reward(d, FAKE, REAL).isfinite().all()


def test_gradients_reach_samples_that_carry_them() -> None:
    torch.manual_seed(0)
    d = TextCnn(Vocabulary(4, 0, None, 0), embed_dim=4, widths=(1,), filters=4).eval()
    x = torch.rand(2, 3, 4).softmax(2).requires_grad_()
    fake = Samples(x, *[torch.ones(2, 3, dtype=torch.bool)] * 2)
    Bce().reward(d, fake, REAL).sum().backward()
    assert x.grad is not None
    assert x.grad.any()
