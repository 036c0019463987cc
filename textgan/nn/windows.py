"""Convolution over a sentence with max over time, in two equal forms: matrix products and table look-ups."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.devices import describe
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

    def _layers(self) -> Iterator[tuple[int, nn.Linear]]:
        for width, layer in zip(self.widths, self.filters, strict=True):
            assert isinstance(layer, nn.Linear)
            yield width, layer

    def forward(self, embedded: Tensor, valid: Tensor) -> Tensor:
        """embedded: [B,T,E]; valid: [B,T], True up to a sentence's end."""
        embedded = embedded * valid.unsqueeze(2)
        pooled = []
        for width, layer in self._layers():
            padded = functional.pad(embedded, (0, 0, 0, max(0, width - embedded.shape[1])))
            best = strongest(padded, layer.weight, _inside(valid, width))
            pooled.append(functional.relu(best + layer.bias))
        return torch.cat(pooled, 1)

    def lookup(self, embedding: Tensor, x: Tensor, valid: Tensor) -> Tensor:
        """The same for many sentences of ids [B,T] under one embedding [V,E], without gradients.

        Where look-ups beat matrix products and there are more words to read than the tables have rows, each filter
        tap is multiplied with the whole vocabulary once, and a window is a sum of table rows, taken in pieces that
        fit the cache. Elsewhere, plain.
        """
        device = describe(x.device)
        if x.is_floating_point() or not device.gathers or x.numel() < 2 * embedding.shape[0]:
            rows = max(1, 16 * device.logits // (x.shape[1] * sum(layer.out_features for _, layer in self._layers())))
            pieces = zip(x.split(rows), valid.split(rows), strict=True)
            return torch.cat([self(e @ embedding if e.is_floating_point() else embedding[e], v) for e, v in pieces])
        size = embedding.shape[0]
        words = x.masked_fill(~valid, size).int()  # the row behind the vocabulary holds zeros
        pooled = []
        for width, layer in self._layers():
            taps = layer.weight.view(-1, width, embedding.shape[1])  # [F,width,E]
            table = taps.new_zeros(width, size + 1, len(taps))
            torch.matmul(embedding, taps.permute(1, 2, 0), out=table[:, :size])
            padded = functional.pad(words, (0, max(0, width - words.shape[1])), value=size)
            offsets = torch.arange(width, device=x.device, dtype=torch.int32) * (size + 1)
            windows = padded.unfold(1, width, 1) + offsets  # [B,S,width]
            # A window that does not count repeats the first one, which leaves the maximum as it is.
            windows = torch.where(_inside(valid, width).unsqueeze(2), windows, windows[:, :1])
            rows = max(1, device.logits // 4 // (windows.shape[1] * len(taps)))
            flat = table.flatten(0, 1)
            parts = [
                functional.embedding_bag(piece.flatten(0, 1), flat, mode="sum").view(*piece.shape[:2], -1).amax(1)
                for piece in windows.split(rows)
            ]
            pooled.append(functional.relu(torch.cat(parts) + layer.bias))
        return torch.cat(pooled, 1)


def _inside(valid: Tensor, width: int) -> Tensor:
    """Which windows count, [B,S]: those inside their sentence, and always the first."""
    starts = torch.arange(max(1, valid.shape[1] - width + 1), device=valid.device)
    return (starts + width <= valid.sum(1, keepdim=True)) | (starts == 0)
