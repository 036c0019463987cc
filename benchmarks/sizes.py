"""Sizes of the measured steps, their targets, and the floating-point operations of their matrix products."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)
HIDDEN = 32
"""Size of the generator's embeddings and of its state."""
EMBED = 64
"""Size of the discriminator's embeddings."""


@dataclass(frozen=True)
class Size:
    """Size of a step; SeqGAN's by default.

    Args:
        vocab_size: V, tokens in the vocabulary.
        length: T, positions of a sequence.
        rows: B, sequences in a batch.
        rollouts: N, completions of each prefix.
    """

    vocab_size: int = 5000
    length: int = 20
    rows: int = 64
    rollouts: int = 16


PRESETS: Mapping[str, Size] = {"seqgan": Size(), "captions": Size(vocab_size=4700, length=37)}
"""The sizes of SeqGAN's oracle experiment, and those of its image captions from COCO."""

TARGETS: Mapping[str, float] = {
    "adversarial step": 1.0,
    "discriminator step, 64 + 64": 0.020,
    "likelihood step": 0.010,
    "sample 10,000": 0.8,
    "BLEU-2..5, 10,000 against 10,000": 0.15,
    "self-BLEU-2..5 of 10,000": 0.15,
    "start-up to the first step": 4.0,
}
"""Target times in seconds, at SeqGAN's size on two threads of a server's CPU."""
MEMORY_TARGET = 1.5e9
"""Target peak memory of a process of adversarial steps in bytes, at SeqGAN's size."""


def adversarial(size: Size) -> float:
    """Returns the floating-point operations of the matrix products in an adversarial step.

    Every token that is generated, in samples and roll-outs, takes an LSTM step and a row of logits. Sequences are
    scored by tables, the products of all embeddings with all filter taps, and by the highway layer. Looking up in the
    tables is not counted. The update takes one forward and two backward products of the samples.
    """
    completed = size.rollouts * size.rows * (size.length - 1)
    tokens = size.rows * size.length + completed * size.length // 2
    tables = 2 * size.vocab_size * EMBED * sum(w * n for w, n in zip(WIDTHS, FILTERS, strict=True))
    return tokens * _per_token(size) + tables + (completed + size.rows) * _highway() + likelihood(size)


def discriminator(size: Size, pairs: int) -> float:
    """Returns those of a discriminator step on `pairs` real and as many generated sequences.

    Forward, each filter is multiplied with each window. Backward, each filter is multiplied only with the window of
    its maximum, once for the gradient of its weights and once for that of the embeddings.
    """
    convolution = sum(
        2 * w * EMBED * n * (max(1, size.length - w + 1) + 2) for w, n in zip(WIDTHS, FILTERS, strict=True)
    )
    return 2 * pairs * (convolution + 3 * _highway())


def likelihood(size: Size) -> float:
    """Returns those of a likelihood step: one forward and two backward products."""
    return 3 * size.rows * size.length * _per_token(size)


def _per_token(size: Size) -> float:
    """Returns those of an LSTM step and its logits."""
    return 2 * 4 * HIDDEN * 2 * HIDDEN + 2 * HIDDEN * size.vocab_size


def _highway() -> float:
    return 2 * 2 * sum(FILTERS) ** 2


def rate(device: torch.device, repetitions: int = 7) -> float:
    """Returns the operations per second of a float32 product of 2048 x 1720 x 3440, the best of several."""
    left, right = torch.randn(2048, 1720, device=device), torch.randn(1720, 3440, device=device)
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        float((left @ right)[0, 0])  # waits for the device
        times.append(time.perf_counter() - start)
    return 2 * 2048 * 1720 * 3440 / min(times)
