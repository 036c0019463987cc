"""How large the measured steps are, what was aimed at, and how many multiplications they cannot do without."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)
HIDDEN = 32
"""Of the generator: its embeddings and its state."""
EMBED = 64
"""The discriminator's embeddings."""


@dataclass(frozen=True)
class Size:
    """V words, T positions, B sequences, N roll-outs; SeqGAN's by default."""

    words: int = 5000
    length: int = 20
    rows: int = 64
    rollouts: int = 16


PRESETS: Mapping[str, Size] = {"seqgan": Size(), "captions": Size(words=4700, length=37)}
"""SeqGAN's own, and that of its image captions from COCO."""

AIMS: Mapping[str, float] = {
    "adversarial step": 1.0,
    "discriminator step, 64 + 64": 0.020,
    "likelihood step": 0.010,
    "sample 10,000": 0.8,
    "BLEU-2..5, 10,000 against 10,000": 0.15,
    "self-BLEU-2..5 of 10,000": 0.15,
    "start-up to the first step": 4.0,
}
"""Seconds, at SeqGAN's size on two threads of a server's CPU."""
PEAK = 1.5e9
"""Bytes that a process of adversarial steps should stay below, at SeqGAN's size."""


def adversarial(size: Size) -> float:
    """Floating-point operations of the matrix products in an adversarial step.

    Every word that is written, in samples and roll-outs, is a step of the LSTM and a row of logits. Sentences are
    scored by tables of all words under all filter taps, whose look-ups are not counted, and the highway layer. The
    update reads the samples once forward and twice backward.
    """
    completed = size.rollouts * size.rows * (size.length - 1)
    written = size.rows * size.length + completed * size.length // 2
    tables = 2 * size.words * EMBED * sum(w * n for w, n in zip(WIDTHS, FILTERS, strict=True))
    return written * _word(size) + tables + (completed + size.rows) * _highway() + likelihood(size)


def discriminator(size: Size, pairs: int) -> float:
    """The same of a step on `pairs` real and as many written sentences.

    Forward, each filter meets each window; backward, each filter only the one where it answered most, once for its
    weights and once for the words.
    """
    convolution = sum(
        2 * w * EMBED * n * (max(1, size.length - w + 1) + 2) for w, n in zip(WIDTHS, FILTERS, strict=True)
    )
    return 2 * pairs * (convolution + 3 * _highway())


def likelihood(size: Size) -> float:
    """The same of a step of likelihood: forward, and twice backward."""
    return 3 * size.rows * size.length * _word(size)


def _word(size: Size) -> float:
    """A step of the LSTM and its logits."""
    return 2 * 4 * HIDDEN * 2 * HIDDEN + 2 * HIDDEN * size.words


def _highway() -> float:
    return 2 * 2 * sum(FILTERS) ** 2


def rate(device: torch.device, goes: int = 7) -> float:
    """Floating-point operations a second of this device, in a float32 product of 2048 x 1720 x 3440: the best go."""
    left, right = torch.randn(2048, 1720, device=device), torch.randn(1720, 3440, device=device)
    found = []
    for _ in range(goes):
        began = time.perf_counter()
        float((left @ right)[0, 0])  # waits for the device
        found.append(time.perf_counter() - began)
    return 2 * 2048 * 1720 * 3440 / min(found)
