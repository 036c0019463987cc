"""One evaluation: fresh samples, every metric, sentences to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from textgan.data.corpus import Corpus
from textgan.roles import Decoding, Evaluation, Generator, Metric
from textgan.seeds import stream
from textgan.types import Batch, Samples


@dataclass(frozen=True)
class Measured:
    """What came of it. `texts` are all the samples, decoded."""

    values: Mapping[str, float]
    texts: Sequence[str]


def generate(generator: Generator, corpus_length: int, count: int, decoding: Decoding) -> Samples:
    """`count` sequences of ids from nothing, on the generator's device."""
    device = next(generator.parameters()).device
    with torch.no_grad():
        return decoding(generator, Batch.blank(count, corpus_length, device))


def evaluate(
    generator: Generator, corpus: Corpus, metrics: Sequence[Metric], count: int, seed: int, decoding: Decoding
) -> Measured:
    """All metrics on one set of samples. The same seed gives the same draws, whatever was drawn before or after."""
    with stream(seed, "evaluate"), torch.no_grad():
        made = generate(generator, corpus.max_len, count, decoding)
        samples = Samples(made.x.cpu(), made.valid.cpu(), made.chosen.cpu())
        texts = corpus.tokenizer.decode(samples.x, samples.valid)
        seen = Evaluation(generator, samples, texts, corpus)
        values: dict[str, float] = {}
        for metric in metrics:
            values |= metric(seen)
    return Measured(values, texts)
