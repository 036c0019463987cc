"""Grammaticality where the data's grammar is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from textgan.metrics.base import Evaluation, Metric


class Grammatical(Metric):
    """Computes the share of samples that the data's grammar accepts: `grammatical`, 0 to 1, higher is better.

    The measure of Kusner and Hernandez-Lobato 2016 (arXiv:1611.04051). One valid sentence repeated scores
    1: read it with `unique`.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"grammar"})

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        oracle = evaluation.corpus.oracle
        assert oracle is not None, "a metric that needs a grammar was given data without one"
        accepted = oracle.grammatical(evaluation.samples.x, evaluation.samples.valid)  # [B]
        return {"grammatical": float(accepted.double().mean())}

    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        return {"grammatical": "higher"}
