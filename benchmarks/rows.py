"""What is timed, row by row."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from benchmarks import reference, sizes
from benchmarks.sizes import EMBED, FILTERS, HIDDEN, PRESETS, WIDTHS, Size
from benchmarks.steps import Step, Steps
from textgan.metrics.functional import bleu


@dataclass(frozen=True)
class Row:
    """A step.

    Args:
        name: as the table has it.
        ours: the toolkit's.
        plain: a plain implementation of the same.
        work: floating-point operations that it cannot do without.
        kernel: whether the compiled kernel has a part in it, so that it is timed without it, too.
    """

    name: str
    ours: Step
    plain: Step | None = None
    work: float | None = None
    kernel: bool = False


def rows(size: Size, device: torch.device) -> Iterator[Row]:
    """Everything that is timed."""
    ours, plain = Steps(size, device), reference.PlainLstm(size.words, HIDDEN, HIDDEN)
    critic = reference.PlainCnn(size.words, EMBED, list(WIDTHS), list(FILTERS))
    writer, reader = torch.optim.Adam(plain.parameters(), 1e-2), torch.optim.Adam(critic.parameters(), 1e-4)
    real, fits = ours.real.cpu(), size.length >= max(WIDTHS)  # a plain convolution knows no shorter sentence
    yield Row(
        "adversarial step",
        ours.adversarial(),
        partial(reference.adversarial_step, plain, critic, writer, size.rows, size.length, size.rollouts)
        if fits
        else None,
        sizes.adversarial(size),
        kernel=True,
    )
    yield Row("  of it: roll-outs", ours.rollouts(), kernel=True)
    yield Row("  of it: scoring them", ours.scoring(), kernel=True)
    for pairs in (size.rows // 2, size.rows):
        yield Row(
            f"discriminator step, {pairs} + {pairs}",
            ours.discriminator(pairs),
            partial(reference.discriminator_step, critic, reader, real[:pairs], real[:pairs]) if fits else None,
            sizes.discriminator(size, pairs),
            kernel=True,
        )
    yield Row(
        "likelihood step",
        ours.likelihood(),
        lambda: reference.likelihood_step(plain, writer, real),
        sizes.likelihood(size),
        kernel=True,
    )
    yield Row("sample 10,000", ours.sampling(), lambda: plain.sample(10_000, size.length), kernel=True)
    yield Row("Gumbel-softmax step", ours.gumbel_softmax())
    yield Row("MaskGAN step", ours.maskgan(), kernel=True)
    yield Row("VAE step", ours.vae(), kernel=True)
    if size != PRESETS["captions"]:
        captions = PRESETS["captions"]
        work = sizes.adversarial(captions)
        yield Row("adversarial step, captions", Steps(captions, device).adversarial(), None, work, kernel=True)
    yield from _others()


def _others() -> Iterator[Row]:
    """What is of one size."""
    words = np.random.default_rng(0).integers(0, 4700, (20_000, 11))
    texts = [" ".join(map(str, row)) for row in words]
    yield Row("BLEU-2..5, 10,000 against 10,000", lambda: bleu.sentence_bleu(texts[:10_000], texts[10_000:], 5))
    yield Row("self-BLEU-2..5 of 10,000", lambda: bleu.leave_one_out(texts[:10_000], 5))
    yield Row("start-up to the first step", _start_up)


def _start_up() -> float:
    """A process that plays the first step of a recipe: imports, data and tokenizer included."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_STEP], check=True, capture_output=True)
    return time.perf_counter() - began


FIRST_STEP = """
from textgan import recipe
from textgan.runs.builder import build
from textgan.training.loop import train
run = build(recipe.load("seqgan"))
next(train(run.phases, run.batches))
"""
