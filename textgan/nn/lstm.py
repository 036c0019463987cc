"""The LSTM layer of all players."""

from __future__ import annotations

from torch import nn


class LSTM(nn.LSTM):
    """An LSTM that stays in training mode, batch first.

    cuDNN has no backward pass in evaluation mode, and players are in evaluation mode while gradients pass through
    them. Without dropout of its own the layer computes the same in both modes.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__(input_size, hidden_size, num_layers, batch_first=True)

    def train(self, mode: bool = True) -> LSTM:
        super().train(True)
        return self
