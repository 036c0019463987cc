from __future__ import annotations

import pytest
import torch
from torch import Tensor

from textgan.nn import language_model
from textgan.nn.language_model import LanguageModel


def model(seed: int = 0) -> LanguageModel:
    torch.manual_seed(seed)
    return LanguageModel(5, embed_dim=4, hidden_dim=6).eval()


def sequences(rows: int = 9, length: int = 4) -> tuple[Tensor, Tensor]:
    """Sequences of lengths from 1 to T."""
    tokens = torch.randint(5, (rows, length))
    return tokens, torch.arange(length) <= torch.arange(rows).unsqueeze(1) % length


@torch.no_grad()
def test_probabilities_of_all_sequences_sum_to_one() -> None:
    every = torch.cartesian_prod(*[torch.arange(5)] * 3)
    nll, _ = model()(every, torch.ones_like(every, dtype=torch.bool))
    torch.testing.assert_close((-nll.sum(1)).exp().sum(), torch.tensor(1.0))


@torch.no_grad()
def test_padding_has_no_effect() -> None:
    lm, (tokens, valid) = model(), sequences()
    nll, features = lm(tokens, valid)
    assert torch.equal(nll != 0, valid)
    other, other_features = lm(torch.where(valid, tokens, 4 - tokens), valid)
    torch.testing.assert_close(other, nll)
    torch.testing.assert_close(other_features[valid], features[valid])


@torch.no_grad()
def test_the_mean_is_over_valid_tokens_of_all_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    lm, (tokens, valid) = model(), sequences()
    nll, features = lm(tokens, valid)
    states = torch.stack([row[here].mean(0) for row, here in zip(features, valid, strict=True)])
    for rows in (256, 4, 1):
        monkeypatch.setattr(language_model, "ROWS", rows)
        assert lm.nll(tokens, valid) == pytest.approx(float(nll.sum() / valid.sum()), rel=1e-5)
        torch.testing.assert_close(lm.represent(tokens, valid), states)


def test_empty_sequences_count_for_nothing() -> None:
    lm, (tokens, valid) = model(), sequences()
    assert lm.nll(tokens, torch.zeros_like(valid)) == 0
    assert not lm.represent(tokens, torch.zeros_like(valid)).any()


def test_training_lowers_the_likelihood_loss_of_its_text() -> None:
    """Of a text in which each token follows from the one before."""
    tokens = (torch.arange(40).unsqueeze(1) + torch.arange(6)) % 5
    valid = torch.ones_like(tokens, dtype=torch.bool)
    lm = model().train()
    before = lm.nll(tokens, valid)
    with torch.no_grad():
        assert lm.fit(tokens, valid, 60, lr=0.05) is lm
    assert not lm.training
    assert before > 1.5
    assert lm.nll(tokens, valid) < 0.5
    assert lm.nll(tokens.flip(1), valid) > before


def test_training_is_reproducible() -> None:
    tokens, valid = sequences()
    losses = []
    for _ in range(2):
        lm = model()
        torch.manual_seed(3)
        losses.append(lm.fit(tokens, valid, 5).nll(tokens, valid))
    assert losses[0] == losses[1]
