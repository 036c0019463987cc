"""Defines the LSTM layer of generators and discriminators."""

from __future__ import annotations

from torch import nn


class LSTM(nn.LSTM):
    """A batch-first LSTM that stays in training mode.

    cuDNN has no backward pass in evaluation mode, but gradients pass through players that are in evaluation mode. The
    layer has no dropout, so it computes the same in both modes.

    Args:
        input_size: size of an input.
        hidden_size: size of the state.
        num_layers: number of layers.
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__(input_size, hidden_size, num_layers, batch_first=True)

    def train(self, mode: bool = True) -> LSTM:
        super().train(True)
        return self
