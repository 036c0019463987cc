from __future__ import annotations

from collections.abc import Mapping

import torch

from textgan.core.types import Batch
from textgan.generation.decoding.ancestral import Ancestral
from textgan.generators.lstm import Lstm
from textgan.metrics.base import Evaluation, Metric
from textgan.runs.evaluator import evaluate, generate
from textgan.testing import tiny_corpus

CORPUS = tiny_corpus()


class Recording(Metric):
    """Records what it sees."""

    def __init__(self, **values: float) -> None:
        self.values, self.seen = values, list[Evaluation]()

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float]:
        assert not torch.is_grad_enabled()
        self.seen.append(evaluation)
        return self.values


def lstm() -> Lstm:
    torch.manual_seed(0)
    return Lstm(CORPUS.vocab, embed_dim=4, hidden_dim=4).eval()


def test_all_metrics_see_the_same_samples() -> None:
    first, second = Recording(a=1.0, b=2.0), Recording(b=3.0)
    measured = evaluate(lstm(), CORPUS, [first, second], 7, 0, Ancestral())
    assert measured.values == {"a": 1.0, "b": 3.0}
    assert first.seen == second.seen
    (seen,) = first.seen
    assert len(seen.samples) == len(seen.texts) == 7
    assert measured.texts == seen.texts == CORPUS.tokenizer.decode(seen.samples.x, seen.samples.valid)
    assert seen.corpus is CORPUS


def test_an_evaluation_depends_on_its_seed_alone_and_does_not_change_the_random_state() -> None:
    generator = lstm()
    first = evaluate(generator, CORPUS, [], 7, 0, Ancestral()).texts
    torch.rand(5)
    state = torch.get_rng_state()
    assert evaluate(generator, CORPUS, [], 7, 0, Ancestral()).texts == first
    assert torch.equal(torch.get_rng_state(), state)
    assert evaluate(generator, CORPUS, [], 7, 1, Ancestral()).texts != first


def test_the_decoding_gets_a_blank_batch() -> None:
    batches: list[Batch] = []

    def decoding(generator: Lstm, batch: Batch) -> object:
        batches.append(batch)
        return "samples"

    found: object = generate(lstm(), 9, 4, decoding)  # type: ignore[arg-type]
    assert found == "samples"
    (batch,) = batches
    assert batch.tokens.shape == (4, 9)
    assert not batch.given.any()
