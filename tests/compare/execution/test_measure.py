from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from textgan.compare.execution import measure
from textgan.compare.execution.measure import SHOWN_TEXTS, sweep
from textgan.generation.autoregressive import Tempered
from textgan.generation.decoding.ancestral import Ancestral
from textgan.generators.lstm import Lstm
from textgan.metrics.diversity import Unique
from textgan.testing import tiny_corpus

CORPUS = tiny_corpus()


@pytest.fixture
def generator() -> Lstm:
    torch.manual_seed(0)
    return Lstm(CORPUS.vocab, embed_dim=4, hidden_dim=4)


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replaces `evaluate`; returns the models that are passed to it."""
    models: list[Any] = []

    def evaluate(model: Any, *_: object) -> Any:
        models.append(model)
        texts = [f"text {len(models)}.{i}" for i in range(100)]
        return SimpleNamespace(values={"quality": float(len(models))}, texts=texts)

    monkeypatch.setattr(measure, "evaluate", evaluate)
    return models


def run(generator: Any, temperatures: Sequence[float], metrics: Sequence[Any] = ()) -> Mapping[str, Any]:
    return sweep(generator, CORPUS, metrics, temperatures, 8, 0, Ancestral())


def test_every_temperature_has_a_point(generator: Lstm, evaluated: list[Any]) -> None:
    found = run(generator, (0.5, 1.0, 2.0))
    assert found["points"] == [
        {"temperature": 0.5, "quality": 1.0},
        {"temperature": 1.0, "quality": 2.0},
        {"temperature": 2.0, "quality": 3.0},
    ]
    assert [isinstance(model, Tempered) for model in evaluated] == [True, False, True]
    assert evaluated[1] is generator
    assert not any(model.training for model in evaluated)


def test_shown_texts_are_the_first_ones_at_temperature_1(generator: Lstm, evaluated: list[Any]) -> None:
    assert run(generator, (0.5, 1.0, 2.0))["texts"] == [f"text 2.{i}" for i in range(SHOWN_TEXTS)]


@pytest.mark.parametrize("capabilities", [frozenset({"log_prob"}), frozenset({"incremental"})])
def test_other_generators_are_measured_at_temperature_1_only(
    capabilities: frozenset[str], generator: Lstm, evaluated: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lstm, "capabilities", capabilities)
    assert [point["temperature"] for point in run(generator, (0.5, 1.0))["points"]] == [1]
    assert evaluated == [generator]


def test_a_bound_is_measured_at_temperature_1_only(
    generator: Lstm, evaluated: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lstm, "bound", True)
    assert [point["temperature"] for point in run(generator, (0.5, 1.0))["points"]] == [1]


def test_signatures_are_those_of_metrics_that_have_one(generator: Lstm, evaluated: list[Any]) -> None:
    metrics = [SimpleNamespace(signature=lambda text=text: text) for text in ("bleu|n:4", "", "chrf")]
    assert run(generator, (1.0,), metrics)["signatures"] == ["bleu|n:4", "chrf"]


def test_measurements_depend_on_the_seed_only(generator: Lstm) -> None:
    first, again = (sweep(generator, CORPUS, [Unique()], (0.7, 1.0), 8, 3, Ancestral()) for _ in range(2))
    other = sweep(generator, CORPUS, [Unique()], (0.7, 1.0), 8, 4, Ancestral())
    assert first == again
    assert first["texts"] != other["texts"]
    assert all(0 < point["unique"] <= 1 for point in first["points"])
