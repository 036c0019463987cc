"""What is measured of one trained model: every metric at every temperature, some sentences, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textgan.core.roles import Decoding, Generator
from textgan.data.corpus import Corpus
from textgan.generation.autoregressive import Tempered
from textgan.metrics.base import Metric
from textgan.runs.evaluator import evaluate

KEPT = 40
"""Sentences of each model that a report may show, from the same draws."""


def sweep(
    generator: Generator,
    corpus: Corpus,
    metrics: Sequence[Metric],
    temperatures: Sequence[float],
    samples: int,
    seed: int,
    decoding: Decoding,
) -> dict[str, Any]:
    """{"points": [{"temperature", metric: value}], "texts": [...], "signatures": [...]}: a point for each temperature.

    A generator whose words are not drawn one by one from logits has one point, at temperature 1; and so has one whose
    likelihood is a bound, since that of a tempered one is not to be had.
    """
    tempers = {"incremental", "log_prob"} <= generator.capabilities and not generator.bound
    points: list[Mapping[str, float]] = []
    texts: Sequence[str] = ()
    for temperature in temperatures if tempers else (1.0,):
        model = generator if temperature == 1 else Tempered(generator, temperature)  # type: ignore[arg-type]
        measured = evaluate(model.eval(), corpus, metrics, samples, seed, decoding)
        points.append({"temperature": temperature, **measured.values})
        if temperature == 1:
            texts = measured.texts[:KEPT]
    signatures = [text for text in (metric.signature() for metric in metrics) if text]
    return {"points": points, "texts": list(texts), "signatures": signatures}
