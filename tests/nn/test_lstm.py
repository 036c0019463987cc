from __future__ import annotations

import torch
from torch import nn

from textgan.nn.lstm import LSTM


def test_it_stays_in_training_mode() -> None:
    net = nn.Sequential(LSTM(3, 4), nn.Dropout())
    net.eval()
    assert net[0].training
    assert not net[1].training
    assert net.train() is net
    assert net[0].eval() is net[0]
    assert net[0].training


def test_it_computes_what_pytorchs_lstm_does() -> None:
    lstm = LSTM(3, 4, num_layers=2)
    plain = nn.LSTM(3, 4, num_layers=2, batch_first=True)
    plain.load_state_dict(lstm.state_dict())
    x = torch.randn(2, 5, 3)
    states, _ = lstm.eval()(x)
    assert states.shape == (2, 5, 4)
    torch.testing.assert_close(states, plain.eval()(x)[0])
