"""Convolution over a sentence with max over time, in two equal forms: matrix products, and table look-ups."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.devices import describe
from textgan.nn import taps
from textgan.nn.strongest import strongest


class TextConvolution(nn.Module):
    """Filters of several widths, ReLU, max over time. [B,T,E] -> [B,F].

    A window starts at s if it lies inside the sentence, s + width <= length; a sentence shorter than the filter has
    the one window at its start, in which missing words are zeros. The bias and the ReLU come after the maximum, which
    is the same and touches T times fewer numbers.
    """

    def __init__(self, embed_dim: int, widths: tuple[int, ...], counts: tuple[int, ...]) -> None:
        super().__init__()
        self.widths = widths
        self.filters = nn.ModuleList(nn.Linear(w * embed_dim, n) for w, n in zip(widths, counts, strict=True))

    def _layers(self) -> Iterator[taps.Filters]:
        """Widths and their filters."""
        for width, layer in zip(self.widths, self.filters, strict=True):
            assert isinstance(layer, nn.Linear)
            yield width, layer

    def forward(self, embedded: Tensor, valid: Tensor) -> Tensor:
        """embedded: [B,T,E]; valid: [B,T], True up to a sentence's end."""
        missing = max(0, max(self.widths) - embedded.shape[1])
        words = functional.pad(embedded * valid.unsqueeze(2), (0, 0, 0, missing))
        layers = [layer for _, layer in self._layers()]
        best = strongest(words, [layer.weight for layer in layers], valid.sum(1))
        return functional.relu(best + torch.cat([layer.bias for layer in layers]))

    def lookup(self, embedding: Tensor, x: Tensor, valid: Tensor) -> Tensor:
        """The same for many sentences of ids [B,T] under one embedding [V,E], without gradients.

        Where look-ups beat matrix products and there are more words to read than the tables have rows, each filter
        tap is multiplied with the whole vocabulary once, and a window is a sum of table rows (`textgan.nn.taps`).
        Elsewhere, plain.
        """
        device = describe(x.device)
        if x.is_floating_point() or not device.gathers or x.numel() < 2 * embedding.shape[0]:
            rows = max(1, 16 * device.logits // (x.shape[1] * sum(layer.out_features for _, layer in self._layers())))
            pieces = zip(x.split(rows), valid.split(rows), strict=True)
            return torch.cat([self(e @ embedding if e.is_floating_point() else embedding[e], v) for e, v in pieces])
        windows = device.windows()
        if windows is not None and embedding.dtype == torch.float32:
            return taps.in_kernel(windows(x, valid, len(embedding)), self._layers(), embedding, len(x))
        return taps.summed(self._layers(), embedding, x, valid, device.logits // 4)
