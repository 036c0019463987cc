"""Measures a trained model: every metric at every temperature, and some of its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textgan.core.roles import Decoding, Generator
from textgan.data.corpus import Corpus
from textgan.generation.autoregressive import Tempered
from textgan.metrics.base import Metric
from textgan.runs.evaluator import evaluate

SHOWN_TEXTS = 40
"""Number of samples of each model that a report shows; they are among the measured ones."""


def sweep(
    generator: Generator,
    corpus: Corpus,
    metrics: Sequence[Metric],
    temperatures: Sequence[float],
    samples: int,
    seed: int,
    decoding: Decoding,
) -> dict[str, Any]:
    """Computes the metrics of a generator at several temperatures.

    A generator that does not sample token by token from logits is measured at temperature 1 only. So is a generator
    whose likelihood is a bound, since a bound is not available at other temperatures.

    Args:
        generator: the trained generator; it is set to evaluation mode.
        corpus: the texts that metrics compare samples with.
        metrics: the metrics to compute.
        temperatures: temperatures to measure at.
        samples: number of sequences sampled at each temperature.
        seed: seed of the samples.
        decoding: how samples are generated.

    Returns:
        {"points", "texts", "signatures"}: for each temperature, {"temperature", metric: value}; the first SHOWN_TEXTS
        samples at temperature 1; how each metric was computed.
    """
    tempered = {"incremental", "log_prob"} <= generator.capabilities and not generator.bound
    points: list[Mapping[str, float]] = []
    texts: Sequence[str] = ()
    for temperature in temperatures if tempered else (1.0,):
        model = generator if temperature == 1 else Tempered(generator, temperature)  # type: ignore[arg-type]
        measured = evaluate(model.eval(), corpus, metrics, samples, seed, decoding)
        points.append({"temperature": temperature, **measured.values})
        if temperature == 1:
            texts = measured.texts[:SHOWN_TEXTS]
    signatures = [text for text in (metric.signature() for metric in metrics) if text]
    return {"points": points, "texts": list(texts), "signatures": signatures}
