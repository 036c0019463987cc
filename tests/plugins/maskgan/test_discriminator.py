"""MaskGAN's discriminator: what a score depends on, and which scores count."""

from __future__ import annotations

import pytest
import torch

from textgan.nn.lstm import LSTM
from textgan.testing import check_discriminator
from textgan.types import Samples, Vocabulary
from textgan_plugins.maskgan.discriminator import TokenAttention

VOCAB = Vocabulary(5, bos=1, eos=2, pad=0, forbidden_ids=(0, 1))
TINY: dict[str, object] = {"embed_dim": 4, "hidden_dim": 6}


def make(**options: object) -> TokenAttention:
    torch.manual_seed(0)
    return TokenAttention(VOCAB, **{**TINY, **options}).eval()  # type: ignore[arg-type]


def texts() -> Samples:
    """Returns four texts with given tokens at the start, at the end and in the middle."""
    x = torch.tensor([[3, 4, 3, 2], [4, 4, 2, 0], [3, 3, 4, 4], [2, 0, 0, 0]])
    valid = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]).bool()
    given = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]).bool()
    return Samples(x, valid, valid & ~given)


@pytest.mark.parametrize("options", [{}, {"layers": 2, "dropout": 0.3}, {"aligned": False}], ids=lambda o: str(o))
def test_it_meets_the_contract(options: dict[str, object]) -> None:
    check_discriminator(lambda vocab: TokenAttention(vocab, **{**TINY, **options}))  # type: ignore[arg-type]


@torch.no_grad()
def test_only_filled_tokens_have_weight() -> None:
    samples = texts()
    scores = make()(samples)
    assert torch.equal(scores.weight.bool(), samples.chosen)
    assert not scores.logits[~samples.valid].any()


@torch.no_grad()
def test_scores_depend_on_which_tokens_were_given() -> None:
    """The same text with other blanks has other scores."""
    samples, d = texts(), make()
    other = Samples(samples.x, samples.valid, samples.valid)
    assert not torch.allclose(d(samples).logits[0], d(other).logits[0], atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("aligned", [True, False])
def test_a_score_depends_on_later_given_tokens_but_not_on_later_choices(aligned: bool) -> None:
    d, samples = make(aligned=aligned), texts()[:1]
    scores = d(samples).logits
    later = samples.with_x(torch.tensor([[3, 4, 4, 2]]))  # another choice at position 2
    torch.testing.assert_close(d(later).logits[:, :2], scores[:, :2])
    assert not torch.allclose(d(later).logits[:, 2], scores[:, 2], atol=1e-4)
    given = samples.with_x(torch.tensor([[3, 4, 3, 4]]))  # another given token at position 3
    assert not torch.allclose(d(given).logits[:, 1], scores[:, 1], atol=1e-5)


def test_ids_and_one_hot_points_have_equal_scores() -> None:
    d, samples = make(), texts()
    soft = samples.with_x(torch.nn.functional.one_hot(samples.x, VOCAB.size).float().requires_grad_())
    torch.testing.assert_close(d(soft).logits, d(samples).logits)
    d(soft).logits.sum().backward()
    assert soft.x.grad is not None
    assert soft.x.grad.any()


def test_it_learns_from_the_context() -> None:
    """In real text the blank repeats the token after it. Each token alone is equally common in real and filled text."""
    torch.manual_seed(0)
    d = TokenAttention(VOCAB, embed_dim=8, hidden_dim=16)
    optimizer = torch.optim.Adam(d.parameters(), 1e-2)
    valid, chosen = torch.ones(64, 2).bool(), torch.tensor([[True, False]]).expand(64, 2)
    for _ in range(100):
        token = torch.randint(3, 5, (64,))
        real, fake = torch.stack([token, token], 1), torch.stack([7 - token, token], 1)
        scores = [d(Samples(x, valid, chosen)) for x in (real, fake)]
        loss = sum(
            (torch.nn.functional.softplus(sign * s.logits) * s.weight).mean()
            for s, sign in zip(scores, (-1, 1), strict=True)
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()
    assert loss.item() < 0.1  # type: ignore[union-attr]


def test_lstm_layers_stay_in_training_mode() -> None:
    """cuDNN has no backward pass for LSTM layers in evaluation mode."""
    d = make().eval()
    assert not d.training
    assert [m.training for m in d.modules() if isinstance(m, LSTM)] == [True] * 3
