"""Evaluates a generator: generates samples, and computes every metric on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from textgan.core.roles import Decoding, Generator
from textgan.core.seeding import stream
from textgan.core.types import Batch, Samples
from textgan.data.corpus import Corpus
from textgan.metrics.base import Evaluation, Metric


@dataclass(frozen=True)
class Measured:
    """Holds the result of an evaluation.

    Args:
        values: metric -> value.
        texts: all samples, decoded.
    """

    values: Mapping[str, float]
    texts: Sequence[str]


def generate(generator: Generator, max_len: int, count: int, decoding: Decoding) -> Samples:
    """Generates `count` sequences of ids, [count,max_len], nothing given, on the generator's device.

    Args:
        generator: in evaluation mode.
        max_len: length of the sequences, end and padding included.
        count: how many.
        decoding: how tokens are chosen.
    """
    device = next(generator.parameters()).device
    with torch.no_grad():
        return decoding(generator, Batch.blank(count, max_len, device))


def evaluate(
    generator: Generator, corpus: Corpus, metrics: Sequence[Metric], count: int, seed: int, decoding: Decoding
) -> Measured:
    """Computes all metrics on one set of samples.

    The random numbers depend on the seed alone, so an evaluation neither depends on training nor changes it.

    Args:
        generator: in evaluation mode.
        corpus: real text for the metrics, and the tokenizer.
        metrics: computed in this order; a later one overrides values of the same name.
        count: how many samples.
        seed: of the random numbers.
        decoding: how tokens are chosen.
    """
    with stream(seed, "evaluate"), torch.no_grad():
        generated = generate(generator, corpus.max_len, count, decoding)
        samples = Samples(generated.x.cpu(), generated.valid.cpu(), generated.chosen.cpu())
        texts = corpus.tokenizer.decode(samples.x, samples.valid)
        evaluation = Evaluation(generator, samples, texts, corpus)
        values: dict[str, float] = {}
        for metric in metrics:
            values |= metric(evaluation)
    return Measured(values, texts)
