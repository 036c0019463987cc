"""The rows of the table: what is timed."""

from __future__ import annotations

import subprocess
import sys
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
    """A row of the table.

    Args:
        name: as the table prints it.
        step: the toolkit's implementation.
        plain: a plain implementation of the same step.
        work: floating-point operations of its matrix products.
        kernel: whether it uses compiled kernels, so that it is also timed without them.
    """

    name: str
    step: Step
    plain: Step | None = None
    work: float | None = None
    kernel: bool = False


def rows(size: Size, device: torch.device) -> Iterator[Row]:
    """Yields the rows. A step is set up when its row is reached."""
    steps, plain = Steps(size, device), reference.PlainLstm(size.vocab_size, HIDDEN, HIDDEN)
    discriminator = reference.PlainCnn(size.vocab_size, EMBED, list(WIDTHS), list(FILTERS))
    optimizer = torch.optim.Adam(plain.parameters(), 1e-2)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), 1e-4)
    real, fits = steps.real.cpu(), size.length >= max(WIDTHS)  # the plain convolution needs sequences that long
    yield Row(
        "adversarial step",
        steps.adversarial(),
        partial(reference.adversarial_step, plain, discriminator, optimizer, size.rows, size.length, size.rollouts)
        if fits
        else None,
        sizes.adversarial(size),
        kernel=True,
    )
    yield Row("  of it: roll-outs", steps.rollouts(), kernel=True)
    yield Row("  of it: scoring them", steps.scoring(), kernel=True)
    for pairs in (size.rows // 2, size.rows):
        yield Row(
            f"discriminator step, {pairs} + {pairs}",
            steps.discriminator(pairs),
            partial(reference.discriminator_step, discriminator, d_optimizer, real[:pairs], real[:pairs])
            if fits
            else None,
            sizes.discriminator(size, pairs),
            kernel=True,
        )
    yield Row(
        "likelihood step",
        steps.likelihood(),
        lambda: reference.likelihood_step(plain, optimizer, real),
        sizes.likelihood(size),
        kernel=True,
    )
    yield Row("sample 10,000", steps.sampling(), lambda: plain.sample(10_000, size.length), kernel=True)
    yield Row("Gumbel-softmax step", steps.gumbel_softmax())
    yield Row("MaskGAN step", steps.maskgan(), kernel=True)
    yield Row("VAE step", steps.vae(), kernel=True)
    if size != PRESETS["captions"]:
        captions = PRESETS["captions"]
        work = sizes.adversarial(captions)
        yield Row("adversarial step, captions", Steps(captions, device).adversarial(), None, work, kernel=True)
    yield from _others()


def _others() -> Iterator[Row]:
    """Yields the rows that do not depend on the size."""
    tokens = np.random.default_rng(0).integers(0, 4700, (20_000, 11))
    texts = [" ".join(map(str, row)) for row in tokens]
    yield Row("BLEU-2..5, 10,000 against 10,000", lambda: bleu.sentence_bleu(texts[:10_000], texts[10_000:], 5))
    yield Row("self-BLEU-2..5 of 10,000", lambda: bleu.leave_one_out(texts[:10_000], 5))
    yield Row("start-up to the first step", _first_step)


def _first_step() -> None:
    """Runs a process up to the first step of a recipe: imports, data and tokenizer included."""
    subprocess.run([sys.executable, "-c", FIRST_STEP], check=True, capture_output=True)


FIRST_STEP = """
from textgan import recipe
from textgan.runs.builder import build
from textgan.training.loop import train
run = build(recipe.load("seqgan"))
next(train(run.phases, run.batches))
"""
