"""Computes embedding, convolution, max pooling over time and ReLU for many sequences of ids, without gradients.

Discriminators score roll-outs with it. Three equivalent forms: a compiled kernel (`csrc/embedding_conv.c`),
`embedding_bag` over the same tables, and the dense form (`textgan.ops.conv_max_pool`). The first two multiply each tap
of each filter with the whole vocabulary once: a window's activation is then a sum of table rows. The kernel also reuses
the maxima over the prefix that a sequence shares with the one before it, as completions of one prefix do.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from textgan.ops import library
from textgan.ops.conv_max_pool import windows_inside
from textgan.ops.device import describe

LANES = 16
"""Filters in a table; the same constant as in the kernel."""


class Filters(NamedTuple):
    """Filters of one width.

    Args:
        width: W, tokens in a window.
        weight: [F,W*E].
        bias: [F].
    """

    width: int
    weight: Tensor
    bias: Tensor


Dense = Callable[[Tensor, Tensor], Tensor]
"""The dense form, a function of embedded [B,T,E] and valid [B,T] -> [B,F]."""


def embedding_conv(filters: Sequence[Filters], embedding: Tensor, x: Tensor, valid: Tensor, dense: Dense) -> Tensor:
    """Computes relu(largest activation + bias) of each sequence and filter, [B,F].

    Uses tables on devices where look-ups are faster than matrix products, if there are enough tokens to read.

    Args:
        filters: of several widths; their columns follow one another.
        embedding: [V,E].
        x: ids [B,T], or points of the simplex [B,T,V], which always take the dense form.
        valid: [B,T], True up to a sequence's end.
        dense: the same function of embedded sequences.
    """
    profile = describe(x.device)
    if x.is_floating_point() or not profile.prefers_gather or x.numel() < 2 * embedding.shape[0]:
        rows = max(1, 16 * profile.max_logits // (x.shape[1] * sum(len(f.bias) for f in filters)))
        pieces = zip(x.split(rows), valid.split(rows), strict=True)
        return torch.cat([dense(e @ embedding if e.is_floating_point() else embedding[e], v) for e, v in pieces])
    kernels = library.load() if profile.compiled_kernels and embedding.dtype == torch.float32 else None
    if kernels is not None:
        return _by_kernel(SortedSequences(kernels, x, valid, len(embedding)), filters, embedding)
    return _by_embedding_bag(filters, embedding, x, valid, profile.max_logits // 4)


def _by_embedding_bag(filters: Sequence[Filters], embedding: Tensor, x: Tensor, valid: Tensor, floats: int) -> Tensor:
    """Computes it with `embedding_bag`. floats: activations to hold at once."""
    size = embedding.shape[0]
    tokens = x.masked_fill(~valid, size).int()  # the table's last row holds zeros
    pooled, lengths = [], valid.sum(1)
    for width, weight, bias in filters:
        taps = weight.view(-1, width, embedding.shape[1])  # [F,W,E]
        table = taps.new_zeros(width, size + 1, len(taps))
        torch.matmul(embedding, taps.permute(1, 2, 0), out=table[:, :size])
        padded = functional.pad(tokens, (0, max(0, width - tokens.shape[1])), value=size)
        offsets = torch.arange(width, device=x.device, dtype=torch.int32) * (size + 1)
        windows = padded.unfold(1, width, 1) + offsets  # [B,S,W]
        # A window that does not count repeats the first one, which leaves the maximum unchanged.
        windows = torch.where(windows_inside(lengths, width, x.shape[1]).unsqueeze(2), windows, windows[:, :1])
        rows = max(1, floats // (windows.shape[1] * len(taps)))
        flat = table.flatten(0, 1)
        parts = [
            functional.embedding_bag(piece.flatten(0, 1), flat, mode="sum").view(*piece.shape[:2], -1).amax(1)
            for piece in windows.split(rows)
        ]
        pooled.append(functional.relu(torch.cat(parts) + bias))
    return torch.cat(pooled, 1)


def _by_kernel(sequences: SortedSequences, filters: Sequence[Filters], embedding: Tensor) -> Tensor:
    """Computes it with the compiled kernel, `LANES` filters at a time."""
    sizes = [len(bias) for _, _, bias in filters]
    pooled = embedding.new_empty(len(sequences), sum(sizes))
    for (width, weight, bias), columns in zip(filters, pooled.split(sizes, 1), strict=True):
        missing = -len(bias) % LANES
        taps = functional.pad(weight, (0, 0, 0, missing)).view(-1, LANES, width, embedding.shape[1])
        biases = functional.pad(bias, (0, missing)).split(LANES)
        packed = taps.permute(0, 3, 2, 1).flatten(2)  # [F/LANES,E,W*LANES]
        for weights, lane_bias, out in zip(packed, biases, columns.split(LANES, 1), strict=True):
            sequences.conv_max((embedding @ weights).view(-1, width, LANES), lane_bias, out)
    return pooled


class SortedSequences:
    """Sequences of ids, sorted so that the kernel can reuse common prefixes.

    Args:
        kernels: the compiled library.
        x: [R,T] ids.
        valid: [R,T], True up to a sequence's end. Ids after it are not read.
        size: V.

    Raises:
        IndexError: for an id outside 0 to V - 1.
    """

    def __init__(self, kernels: ctypes.CDLL, x: Tensor, valid: Tensor, size: int) -> None:
        tokens = x.masked_fill(~valid, 0)
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < size:
            raise IndexError(f"ids from {tokens.min()} to {tokens.max()}: out of range; expected 0 to {size - 1}")
        bits = size.bit_length()
        first = tokens[:, : max(1, 62 // bits)]  # as many first tokens as one integer holds
        order = (first << bits * torch.arange(first.shape[1]).flip(0)).sum(1).argsort(stable=True)
        tokens, valid = tokens[order], valid[order]
        self._kernels, self._tokens, self._order, self._size = kernels, tokens.int().contiguous(), order, size
        self._counts = valid.sum(1, dtype=torch.int32)
        self._shared = torch.zeros_like(self._counts)  # first tokens shared with the sequence before
        equal = (tokens[1:] == tokens[:-1]) & valid[1:] & valid[:-1]
        self._shared[1:] = equal.int().cumprod(1).sum(1)

    def __len__(self) -> int:
        return len(self._order)

    def conv_max(self, table: Tensor, bias: Tensor, out: Tensor) -> None:
        """Writes relu(largest activation + bias) of each sequence and filter to `out`.

        A window lies inside its sequence. A sequence shorter than the filters has one window, whose missing tokens
        add nothing.

        Args:
            table: [V,W,LANES] float32, each token's contribution to the filters' activations at each of the W taps.
            bias: [LANES] float32.
            out: [R,n], n <= LANES columns of a larger float32 tensor, for the first n filters.

        Raises:
            ValueError: if a shape, a dtype or the layout of `out` is not as above.
        """
        (rows, length), threads = self._tokens.shape, torch.get_num_threads()
        if (len(table), table.shape[2], len(bias)) != (self._size, LANES, LANES):
            raise ValueError(
                f"table {[*table.shape]}, bias {[*bias.shape]}: expected [{self._size},W,{LANES}], [{LANES}]"
            )
        if len(out) != rows or out.shape[1] > LANES or out.stride(1) != 1:
            raise ValueError(f"out {[*out.shape]}: expected [{rows},n] with n <= {LANES} and columns side by side")
        if {table.dtype, bias.dtype, out.dtype} != {torch.float32}:
            raise ValueError(f"table {table.dtype}, bias {bias.dtype}, out {out.dtype}: expected torch.float32")
        table, bias = table.contiguous(), bias.contiguous()
        # One more lane than needed, so that the kernel's vectors can start at an aligned address.
        scratch = table.new_empty((threads * length + 1) * LANES)
        aligned = -(-scratch.data_ptr() // (4 * LANES)) * (4 * LANES)
        self._kernels.textgan_embedding_conv(
            table.data_ptr(), table.shape[1], bias.data_ptr(), self._tokens.data_ptr(), self._counts.data_ptr(),
            self._shared.data_ptr(), self._order.data_ptr(), rows, length, out.data_ptr(), out.stride(0),
            out.shape[1], aligned, threads,
        )  # fmt: skip
