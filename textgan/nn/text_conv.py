"""Defines a convolution over sequences of tokens with max pooling over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.ops.conv_max_pool import conv_max_pool
from textgan.ops.embedding_conv import Filters, embedding_conv


class TextConvolution(nn.Module):
    """Applies filters of several widths, max pooling over time and ReLU, [B,T,E] -> [B,F].

    A window starts at s if it lies inside the sequence, s + width <= length. A sequence shorter than the filter has one
    window, at its start, in which missing tokens are zeros. Bias and ReLU come after the maximum, which gives the same
    result and touches T times fewer numbers.

    Args:
        embed_dim: E.
        widths: the widths of the filters, in tokens.
        counts: the number of filters of each width; F is their sum.
    """

    def __init__(self, embed_dim: int, widths: tuple[int, ...], counts: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths
        self.filters = nn.ModuleList(nn.Linear(w * embed_dim, n) for w, n in zip(widths, counts, strict=True))

    def forward(self, embedded: Tensor, valid: Tensor) -> Tensor:
        """Computes the features of embedded sequences, [B,F].

        Args:
            embedded: [B,T,E].
            valid: [B,T], True up to a sequence's end.
        """
        missing = max(0, max(self.widths) - embedded.shape[1])
        padded = functional.pad(embedded * valid.unsqueeze(2), (0, 0, 0, missing))
        filters = self._filters()
        best = conv_max_pool(padded, [f.weight for f in filters], valid.sum(1))
        return functional.relu(best + torch.cat([f.bias for f in filters]))

    def score_ids(self, embedding: Tensor, x: Tensor, valid: Tensor) -> Tensor:
        """Computes the features of many sequences fast and without gradients, [B,F].

        Args:
            embedding: [V,E].
            x: ids [B,T], or points of the simplex [B,T,V].
            valid: [B,T], True up to a sequence's end.
        """
        return embedding_conv(self._filters(), embedding, x, valid, self.forward)

    def _filters(self) -> list[Filters]:
        filters = []
        for width, layer in zip(self.widths, self.filters, strict=True):
            assert isinstance(layer, nn.Linear)
            filters.append(Filters(width, layer.weight, layer.bias))
        return filters
