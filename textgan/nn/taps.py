"""Convolution over sentences of ids by tables: what each word of the vocabulary adds to each tap of each filter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.kernels.windows import LANES, Windows
from textgan.nn.strongest import inside

Filters: TypeAlias = tuple[int, nn.Linear]
"""A width in words, and filters of it over vectors of words one behind another, [F,W*E]."""


def summed(filters: Iterable[Filters], embedding: Tensor, x: Tensor, valid: Tensor, floats: int) -> Tensor:
    """relu(largest answer + bias) of each sentence [B,T] and filter, [B,F].

    Args:
        filters: the layers.
        embedding: [V,E].
        x: [B,T] ids.
        valid: [B,T], True up to a sentence's end.
        floats: how many answers are held at once.
    """
    size = embedding.shape[0]
    words = x.masked_fill(~valid, size).int()  # the row behind the vocabulary holds zeros
    pooled, lengths = [], valid.sum(1)
    for width, layer in filters:
        taps = layer.weight.view(-1, width, embedding.shape[1])  # [F,W,E]
        table = taps.new_zeros(width, size + 1, len(taps))
        torch.matmul(embedding, taps.permute(1, 2, 0), out=table[:, :size])
        padded = functional.pad(words, (0, max(0, width - words.shape[1])), value=size)
        offsets = torch.arange(width, device=x.device, dtype=torch.int32) * (size + 1)
        windows = padded.unfold(1, width, 1) + offsets  # [B,S,W]
        # A window that does not count repeats the first one, which leaves the maximum as it is.
        windows = torch.where(inside(lengths, width, x.shape[1]).unsqueeze(2), windows, windows[:, :1])
        rows = max(1, floats // (windows.shape[1] * len(taps)))
        flat = table.flatten(0, 1)
        parts = [
            functional.embedding_bag(piece.flatten(0, 1), flat, mode="sum").view(*piece.shape[:2], -1).amax(1)
            for piece in windows.split(rows)
        ]
        pooled.append(functional.relu(torch.cat(parts) + layer.bias))
    return torch.cat(pooled, 1)


def in_kernel(windows: Windows, filters: Iterable[Filters], embedding: Tensor, rows: int) -> Tensor:
    """The same of the windows of `rows` sentences, by a kernel that takes a few filters at a time."""
    filters = list(filters)
    pooled = embedding.new_empty(rows, sum(layer.out_features for _, layer in filters))
    columns = iter(pooled.split([layer.out_features for _, layer in filters], 1))
    for width, layer in filters:
        missing = -layer.out_features % LANES
        taps = functional.pad(layer.weight, (0, 0, 0, missing)).view(-1, LANES, width, embedding.shape[1])
        biases = functional.pad(layer.bias, (0, missing)).split(LANES)
        packed = taps.permute(0, 3, 2, 1).flatten(2)  # [F/LANES,E,W*LANES]
        for some, bias, found in zip(packed, biases, next(columns).split(LANES, 1), strict=True):
            windows.largest((embedding @ some).view(-1, width, LANES), bias, found)
    return pooled
