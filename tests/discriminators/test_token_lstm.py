from __future__ import annotations

import pytest
import torch

from textgan.core.types import Samples
from textgan.discriminators.token_lstm import TokenLstm
from textgan.nn.lstm import LSTM
from textgan.testing import check_discriminator, tiny_vocabulary


def test_it_meets_the_contract() -> None:
    check_discriminator(lambda vocab: TokenLstm(vocab, embed_dim=8, hidden_dim=8, dropout=0.2))


def all_chosen(x: torch.Tensor) -> Samples:
    return Samples(x, *[torch.ones(x.shape[:2], dtype=torch.bool)] * 2)


@torch.no_grad()
def test_a_score_does_not_depend_on_later_tokens() -> None:
    torch.manual_seed(0)
    d = TokenLstm(tiny_vocabulary(5), embed_dim=8, hidden_dim=8).eval()
    x = torch.randint(5, (1, 6))
    logits = d(all_chosen(x)).logits
    for t in range(6):
        other = x.clone()
        other[0, t] = (x[0, t] + 1) % 5
        changed = d(all_chosen(other)).logits != logits
        assert not changed[0, :t].any()
        assert changed[0, t:].all()


@torch.no_grad()
def test_only_chosen_tokens_have_weight() -> None:
    d = TokenLstm(tiny_vocabulary(5), embed_dim=8, hidden_dim=8).eval()
    valid = torch.tensor([[True, True, True, False]])
    chosen = torch.tensor([[True, False, True, False]])
    scores = d(Samples(torch.tensor([[1, 2, 3, 0]]), valid, chosen))
    assert scores.weight.tolist() == [[1, 0, 1, 0]]
    assert scores.logits[0, 3] == 0


def test_ids_and_one_hot_points_have_equal_scores() -> None:
    torch.manual_seed(0)
    d = TokenLstm(tiny_vocabulary(5), embed_dim=8, hidden_dim=8).eval()
    x = torch.randint(5, (3, 4))
    corners = torch.nn.functional.one_hot(x, 5).float().requires_grad_()
    logits = d(all_chosen(corners)).logits
    torch.testing.assert_close(logits, d(all_chosen(x)).logits)
    logits.sum().backward()
    assert corners.grad is not None
    assert corners.grad.any()


def test_the_penalty_excludes_embeddings() -> None:
    d = TokenLstm(tiny_vocabulary(5), embed_dim=8, hidden_dim=8, l2=0.5)
    expected = 0.25 * sum(p.square().sum().item() for n, p in d.named_parameters() if "embedding" not in n)
    assert d.penalty().item() == pytest.approx(expected)
    d.penalty().backward()
    assert d.embedding.weight.grad is None


def test_lstm_layers_stay_in_training_mode() -> None:
    """cuDNN has no backward pass for LSTM layers in evaluation mode."""
    d = TokenLstm(tiny_vocabulary(4)).eval()
    assert not d.training
    assert [m.training for m in d.modules() if isinstance(m, LSTM)] == [True]
