"""Samples tokens from softmax(features @ weight.T + bias) without storing the logits of all rows.

Two forms compute the same inverse CDF with one uniform number per row: a compiled kernel (`csrc/linear_sample.c`) for
float32 on CPUs, and plain PyTorch in chunks. The kernel also returns the log of the softmax's denominator, which the
cross-entropy needs (`textgan.ops.linear_cross_entropy`).
"""

from __future__ import annotations

import ctypes
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from textgan.ops.categorical import in_chunks, inverse_cdf_

BLOCK = 64
"""Tokens in a block; the same constant as in the kernel."""


class LinearKernel(Protocol):
    """Samples and normalizes the logits of one linear layer, weight [V,H] and bias [V], without storing them.

    `shifted` must be True if a logit may exceed 60 in magnitude.
    """

    def sample(self, features: Tensor, uniforms: Tensor, shifted: bool, /) -> Tensor:
        """Samples tokens [R] from features [R,H] and uniform numbers [R] in [0, 1)."""

    def log_normalizer(self, features: Tensor, shifted: bool, /) -> Tensor:
        """Computes log sum_v exp(logit_v), [R,H] -> [R]."""


def linear_sample(features: Tensor, weight: Tensor, bias: Tensor, kernel: LinearKernel | None, safe: bool) -> Tensor:
    """Samples one token per row from softmax(features @ weight.T + bias), [R,H] -> [R].

    Args:
        features: [R,H].
        weight: [V,H].
        bias: [V].
        kernel: the layer's kernel (`textgan.ops.linear_kernel.find_kernel`), or None for plain PyTorch.
        safe: whether all logits are known to be small enough to be exponentiated without subtracting their maximum.
    """
    if kernel is not None:
        uniforms = torch.rand(len(features), dtype=features.dtype, device=features.device)
        return kernel.sample(features, uniforms, not safe)
    return in_chunks(lambda rows: inverse_cdf_(functional.linear(rows, weight, bias), safe), features, len(weight))


def log_normalizer(features: Tensor, weight: Tensor, bias: Tensor, kernel: LinearKernel | None, safe: bool) -> Tensor:
    """Computes log sum_v exp(logit_v) of each row, [R,H] -> [R].

    Args:
        features: [R,H].
        weight: [V,H].
        bias: [V].
        kernel: as in `linear_sample`.
        safe: as in `linear_sample`.
    """
    if kernel is not None:
        return kernel.log_normalizer(features, not safe)
    return in_chunks(lambda rows: functional.linear(rows, weight, bias).logsumexp(1), features, len(weight))


class CompiledLinear:
    """A linear layer, packed for the compiled kernel.

    Args:
        kernels: the compiled library.
        weight: [V,H] float32.
        bias: [V] float32.
    """

    def __init__(self, kernels: ctypes.CDLL, weight: Tensor, bias: Tensor) -> None:
        self._kernels = kernels
        size, self.hidden = weight.shape
        if bias.shape != (size,):
            raise ValueError(f"bias {[*bias.shape]}: expected [{size}], one number for each row of the weight")
        self.blocks = -(-size // BLOCK)
        packed = weight.new_zeros(self.blocks * BLOCK, self.hidden)
        self._bias = bias.new_full((self.blocks * BLOCK,), -torch.inf)
        packed[:size], self._bias[:size] = weight, bias
        self._weight = packed.view(self.blocks, BLOCK, self.hidden).transpose(1, 2).contiguous()  # the kernel's layout

    def sample(self, features: Tensor, uniforms: Tensor, shifted: bool) -> Tensor:
        """Samples tokens, [R].

        Args:
            features: [R,H] float32.
            uniforms: [R] float32, uniform in [0, 1).
            shifted: whether to find and subtract each row's largest logit first. Needed if a logit may exceed 60 in
                magnitude; about doubles the time.

        Raises:
            ValueError: if a shape or a dtype is not as above.
        """
        self._check_features(features)
        if uniforms.shape != (len(features),) or uniforms.dtype != torch.float32:
            raise ValueError(f"uniforms {[*uniforms.shape]} {uniforms.dtype}: expected [{len(features)}] torch.float32")
        tokens = torch.empty(len(features), dtype=torch.long)
        self._run(features, shifted, uniforms.contiguous(), tokens, None)
        return tokens

    def log_normalizer(self, features: Tensor, shifted: bool) -> Tensor:
        """Computes log sum_v exp(logit_v), [R].

        Args:
            features: [R,H] float32.
            shifted: as in `sample`.

        Raises:
            ValueError: if a shape or a dtype is not as above.
        """
        self._check_features(features)
        norm = features.new_empty(len(features))
        self._run(features, shifted, None, None, norm)
        return norm

    def _check_features(self, features: Tensor) -> None:
        if features.dim() != 2 or features.shape[1] != self.hidden or features.dtype != torch.float32:
            raise ValueError(f"features {[*features.shape]} {features.dtype}: expected [R,{self.hidden}] torch.float32")

    def _run(self, features: Tensor, shifted: bool, *tensors: Tensor | None) -> None:
        """Calls the C code, which checks nothing. tensors: uniforms, tokens, normalizers."""
        rows, hidden = features.shape
        threads, features = torch.get_num_threads(), features.contiguous()
        scratch = features.new_empty(threads * self._kernels.textgan_panel() * (self.blocks + hidden))
        weight, bias, *addresses, sums = (
            None if tensor is None else tensor.data_ptr() for tensor in (self._weight, self._bias, *tensors, scratch)
        )
        self._kernels.textgan_linear_sample(
            features.data_ptr(), rows, hidden, weight, bias, self.blocks, shifted, *addresses, sums, threads
        )
