"""Layers of MaskGAN's generator and discriminator, next to their formulas."""

from __future__ import annotations

import pytest
import torch

from textgan.nn.lstm import LSTM
from textgan_plugins.maskgan import seq2seq


def test_dropout_has_the_same_mask_at_all_positions() -> None:
    dropout = seq2seq.LockedDropout(0.5).train()
    x = dropout(torch.ones(50, 7, 20))
    assert torch.equal(x, x[:, :1].expand_as(x))
    assert x.mean().item() == pytest.approx(1, abs=0.1)
    assert set(x.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(dropout.eval()(x), x)


@torch.no_grad()
def test_the_encoder_reads_from_both_sides_without_padding() -> None:
    torch.manual_seed(0)
    encoder, x = seq2seq.BidirectionalEncoder(3, 4, 2), torch.randn(2, 5, 3)
    valid = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
    memory, whole = encoder(x, valid)
    alone, whole_alone = encoder(x[:1, :3], valid[:1, :3])
    torch.testing.assert_close(memory[:1, :3], alone)
    torch.testing.assert_close(whole[:1], whole_alone)
    backward = encoder.backward_lstm(x[:1, [2, 1, 0]])[0][:, [2, 1, 0]]
    torch.testing.assert_close(alone, torch.cat([encoder.forward_lstm(x[:1, :3])[0], backward], 2))
    torch.testing.assert_close(whole_alone, torch.cat([alone[:, -1, :2], alone[:, 0, 2:]], 1))


def test_an_odd_hidden_size_is_refused() -> None:
    with pytest.raises(ValueError, match="hidden_dim=5: odd; expected an even number"):
        seq2seq.BidirectionalEncoder(3, 5, 1)


def test_embeddings_have_their_standard_deviation() -> None:
    torch.manual_seed(0)
    assert seq2seq.token_embedding(200, 100).weight.std().item() == pytest.approx(seq2seq.EMBEDDING_STD, rel=0.02)
    assert seq2seq.BlankEmbedding(20_000).blank.std().item() == pytest.approx(seq2seq.EMBEDDING_STD, rel=0.02)


def test_all_positions_that_are_not_given_have_the_same_embedding() -> None:
    layer, x = seq2seq.BlankEmbedding(4), torch.randn(2, 3, 4)
    given = torch.tensor([[1, 0, 0], [0, 1, 0]]).bool()
    out = layer(x, given)
    assert torch.equal(out[given], x[given])
    assert torch.equal(out[~given], layer.blank.expand(4, 4))


def test_attention_is_that_of_the_formula() -> None:
    torch.manual_seed(0)
    layer = seq2seq.Attention(4, 3)
    states, memory = torch.randn(1, 2, 4), torch.randn(1, 5, 4)
    attended = torch.tensor([[1, 1, 0, 1, 0]]).bool()
    for s in range(2):
        scores = torch.stack([layer.score.weight @ states[0, s] @ memory[0, t] for t in (0, 1, 3)])
        context = scores.softmax(0) @ memory[0, [0, 1, 3]]
        expected = (layer.combine.weight @ torch.cat([context, states[0, s]])).tanh()
        torch.testing.assert_close(layer(states, memory, attended)[0, s], expected)


def test_the_initial_state_has_a_bounded_hidden_state_and_a_cell_of_each_layer() -> None:
    torch.manual_seed(0)
    layer = seq2seq.InitialState(3, 2)
    whole = 100 * torch.randn(4, 3)
    hidden, cell = layer(whole)
    rows = layer.linear(whole).view(4, 4, 3)  # of each row: hidden state of both layers, then both cells
    torch.testing.assert_close(hidden, rows[:, :2].tanh())
    torch.testing.assert_close(cell, rows[:, 2:])


def test_each_embedding_gets_the_memory_whole_alones_position() -> None:
    memory = torch.arange(12.0).view(1, 4, 3)
    out = seq2seq.append_memory(torch.zeros(1, 2, 1), memory, torch.tensor([[3, 1]]))
    assert out.tolist() == [[[0, 9, 10, 11], [0, 3, 4, 5]]]


def test_the_encoder_can_be_differentiated_in_evaluation_mode_on_every_device() -> None:
    """cuDNN has no backward pass for LSTM layers in evaluation mode."""
    encoder = seq2seq.BidirectionalEncoder(3, 4, 2).eval()
    assert [m.training for m in encoder.modules() if isinstance(m, LSTM)] == [True, True]
