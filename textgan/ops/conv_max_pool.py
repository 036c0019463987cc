"""Computes convolutions over embedded sequences with max pooling over time, with a sparse backward pass.

Two equivalent forms: compiled kernels (`csrc/conv_max_pool*.c`) for float32 on CPUs, and plain PyTorch. The kernels
handle filters of all widths in one call and do not store the activations of all windows. Differentiable twice.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from textgan.ops import library
from textgan.ops.device import describe

FILTERS_AT_ONCE = 32
"""The largest number of filters that the kernel processes at a time."""


def conv_max_pool(embedded: Tensor, filters: Sequence[Tensor], lengths: Tensor) -> Tensor:
    """Computes each filter's largest activation over the windows of each sequence, [B,F].

    Args:
        embedded: [B,T,E]; zeros after a sequence's end, for windows wider than the sequence.
        filters: weights of several widths W <= T, each [F_k,W*E]; their columns follow one another.
        lengths: number of tokens of each sequence, [B] long. A window counts if it lies inside its sequence; the first
            one always does.

    Of equal activations, the first one gets the gradient. The argmax is constant almost everywhere, so the function is
    twice differentiable.
    """
    pooled: Tensor = _ConvMaxPool.apply(embedded, lengths, *filters)  # type: ignore[no-untyped-call]
    return pooled


def unfold_windows(embedded: Tensor, width: int) -> Tensor:
    """Copies all windows of each sequence, [B,T,E] -> [B,S,W*E], S = T - W + 1."""
    starts = embedded.shape[1] - width + 1
    return torch.cat([embedded[:, k : k + starts] for k in range(width)], 2)


def windows_inside(lengths: Tensor, width: int, longest: int) -> Tensor:
    """Returns which windows count, [B,S].

    Args:
        lengths: number of tokens of each sequence, [B].
        width: tokens in a window.
        longest: T.
    """
    starts = torch.arange(max(1, longest - width + 1), device=lengths.device)
    return (starts + width <= lengths.unsqueeze(1)) | (starts == 0)


class _ConvMaxPool(torch.autograd.Function):
    """Uses matrix products in both directions, and keeps only the maxima of the activations [B,S,F].

    PyTorch's own operations split the gradient between ties, compare all of [B,S,F] with its maximum and scatter the
    windows back token by token; they take about twice as long.
    """

    @staticmethod
    def forward(ctx: Any, embedded: Tensor, lengths: Tensor, *filters: Tensor) -> Tensor:
        ctx.kernel = _find_kernel(embedded, filters)
        ctx.windows = []
        best: Tensor
        if ctx.kernel is not None:
            best, argmax = ctx.kernel.forward(embedded, filters, lengths)
        else:
            ctx.windows = [unfold_windows(embedded, weight.shape[1] // embedded.shape[2]) for weight in filters]
            each = [_max(w, weight, lengths, embedded.shape) for w, weight in zip(ctx.windows, filters, strict=True)]
            best, argmax = (torch.cat(parts, 1) for parts in zip(*each, strict=True))
        ctx.save_for_backward(embedded, argmax, *filters)
        return best

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        embedded, argmax, *filters = ctx.saved_tensors
        needs_embedded, _, *needs_filters = ctx.needs_input_grad
        to_embedded, to_filters = None, [None] * len(filters)
        create_graph = torch.is_grad_enabled()  # for a second derivative
        if ctx.kernel is not None and not create_graph:
            if needs_embedded:
                to_embedded = ctx.kernel.backward_embedded(embedded.shape, filters, argmax, grad)
            if any(needs_filters):
                to_filters = ctx.kernel.backward_filters(embedded, filters, argmax, grad)
            return to_embedded, None, *to_filters
        parts = [part.split([len(weight) for weight in filters], 1) for part in (argmax, grad)]
        for k, (weight, index, to_best) in enumerate(zip(filters, *parts, strict=True)):
            starts = embedded.shape[1] - weight.shape[1] // embedded.shape[2] + 1
            sparse = to_best.new_zeros(len(embedded), starts, len(weight))  # [B,S,F]
            sparse = sparse.scatter(1, index.long().unsqueeze(1), to_best.unsqueeze(1))
            if needs_filters[k]:
                width = weight.shape[1] // embedded.shape[2]
                windows = unfold_windows(embedded, width) if create_graph else ctx.windows[k]
                to_filters[k] = sparse.flatten(0, 1).t() @ windows.flatten(0, 1)
            if needs_embedded:
                part = _fold_windows(sparse @ weight, embedded.shape)
                to_embedded = part if to_embedded is None else to_embedded + part
        return to_embedded, None, *to_filters


def _max(windows: Tensor, weight: Tensor, lengths: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Computes the largest activations of filters of one width and their positions, [B,F_k] each; shape: [B,T,E]."""
    activations = functional.linear(windows, weight)  # [B,S,F]
    inside = windows_inside(lengths, weight.shape[1] // shape[2], shape[1])
    best, argmax = activations.masked_fill_(~inside.unsqueeze(2), -torch.inf).max(1)
    return best, argmax


def _fold_windows(windows: Tensor, shape: torch.Size) -> Tensor:
    """Adds each window's part to its positions, [B,S,W*E] -> [B,T,E]: the transpose of `unfold_windows`."""
    rows, length, size = shape
    starts = windows.shape[1]
    folded = windows.new_zeros(rows, length, size)
    for k, part in enumerate(windows.split(size, 2)):
        folded[:, k : k + starts] += part
    return folded


def _find_kernel(embedded: Tensor, filters: Sequence[Tensor]) -> CompiledConvMaxPool | None:
    if not describe(embedded.device).compiled_kernels or any(t.dtype != torch.float32 for t in (embedded, *filters)):
        return None
    kernels = library.load()
    return None if kernels is None else CompiledConvMaxPool(kernels)


@dataclass(frozen=True)
class CompiledConvMaxPool:
    """Calls the compiled kernels, for filters of several widths, F in all.

    Args:
        kernels: the compiled library.
    """

    kernels: ctypes.CDLL

    def forward(self, embedded: Tensor, filters: Sequence[Tensor], lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the largest activations and the first window of each, [B,F] float32 and int32.

        Args:
            embedded: [B,T,E] float32, T at least the largest width.
            filters: [F_k,W*E] float32 each.
            lengths: [B] int64, at most T.

        Raises:
            ValueError: if a shape or a dtype is not as above.
        """
        _check_shapes(embedded.shape, filters, lengths)
        threads, most = torch.get_num_threads(), max(weight.shape[1] for weight in filters)
        embedded, lengths = embedded.contiguous(), lengths.contiguous()
        filters = [weight.contiguous() for weight in filters]
        best = embedded.new_empty(len(embedded), sum(len(weight) for weight in filters))
        argmax = torch.empty_like(best, dtype=torch.int32)
        scratch = embedded.new_empty(threads * (most + 2 * len(embedded)) * FILTERS_AT_ONCE)
        self.kernels.textgan_conv_max_pool(
            embedded.data_ptr(), _addresses(filters), *_sizes(filters), lengths.data_ptr(), best.data_ptr(),
            argmax.data_ptr(), scratch.data_ptr(), *embedded.shape, best.shape[1], threads,
        )  # fmt: skip
        return best, argmax

    def backward_filters(
        self, embedded: Tensor, filters: Sequence[Tensor], argmax: Tensor, grad: Tensor
    ) -> list[Tensor]:
        """Computes the filters' gradients from those of their largest activations.

        Args:
            embedded: [B,T,E], as in `forward`.
            filters: as in `forward`.
            argmax: the windows that `forward` returned, [B,F].
            grad: the gradients of the largest activations, [B,F].
        """
        gradients = [weight.new_empty(weight.shape) for weight in filters]
        embedded, grad = embedded.contiguous(), grad.contiguous()
        self.kernels.textgan_conv_max_pool_backward_filters(
            embedded.data_ptr(), argmax.data_ptr(), grad.data_ptr(), _addresses(gradients), *_sizes(gradients),
            *embedded.shape, argmax.shape[1], torch.get_num_threads(),
        )  # fmt: skip
        return gradients

    def backward_embedded(self, shape: torch.Size, filters: Sequence[Tensor], argmax: Tensor, grad: Tensor) -> Tensor:
        """Computes the gradient of the embedded sequences, [B,T,E].

        Args:
            shape: B, T and E.
            filters: as in `forward`.
            argmax: the windows that `forward` returned, [B,F].
            grad: the gradients of the largest activations, [B,F].
        """
        to_embedded = grad.new_empty(shape)
        grad, filters = grad.contiguous(), [weight.contiguous() for weight in filters]
        self.kernels.textgan_conv_max_pool_backward_embedded(
            _addresses(filters), argmax.data_ptr(), grad.data_ptr(), to_embedded.data_ptr(), *_sizes(filters), *shape,
            argmax.shape[1], torch.get_num_threads(),
        )  # fmt: skip
        return to_embedded


def _check_shapes(shape: torch.Size, filters: Sequence[Tensor], lengths: Tensor) -> None:
    """Checks the shapes and dtypes, which the C code does not."""
    rows, length, size = shape
    sizes = [weight.shape[1] for weight in filters]
    if any(number % size or not 0 < number <= length * size for number in sizes):
        raise ValueError(f"filters with {sizes} columns: expected multiples of {size}, up to {length} * {size}")
    if lengths.shape != (rows,) or lengths.dtype != torch.int64:
        raise ValueError(f"lengths {[*lengths.shape]} {lengths.dtype}: expected [{rows}] torch.int64")
    if rows and int(lengths.max()) > length:
        raise ValueError(f"lengths up to {int(lengths.max())}: expected at most {length}")


def _addresses(filters: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(filters))(*(weight.data_ptr() for weight in filters))


def _sizes(filters: Sequence[Tensor]) -> tuple[ctypes.Array[ctypes.c_int64], ctypes.Array[ctypes.c_int64], int]:
    """Returns the number of filters of each width, the numbers in each of these filters, and the number of widths."""
    array = ctypes.c_int64 * len(filters)
    return array(*(len(weight) for weight in filters)), array(*(weight.shape[1] for weight in filters)), len(filters)
