from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from textgan.compare.execution import exposure
from textgan.compare.execution.exposure import drift, evaluator_lm
from textgan.core.roles import TokenSampler
from textgan.core.types import Batch, Samples
from textgan.generators.lstm import Lstm
from textgan.nn.language_model import LanguageModel
from textgan.testing import tiny_corpus

CORPUS = tiny_corpus()


class Forgetful(Lstm):
    """Continues a real prefix with its real tokens; without a prefix, repeats the first token."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        rows = torch.arange(len(batch)) % len(CORPUS.test.batch)
        real = CORPUS.test.batch[rows]
        shown = batch.given.any(1, keepdim=True)
        x: Tensor = torch.where(shown, batch.tokens, real.tokens[:, :1])
        valid = torch.where(shown, batch.valid, torch.ones_like(batch.valid))
        return Samples(x, valid, valid & ~batch.given)


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    folder = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exposure, "STEPS", 60)
        return evaluator_lm(CORPUS, folder)


def test_the_evaluator_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "STEPS", 2)
    first, again = evaluator_lm(CORPUS, tmp_path), evaluator_lm(CORPUS, tmp_path)
    pairs = zip(first.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert len(list(tmp_path.glob("evaluator_lm/*/evaluator_lm.safetensors"))) == 1


def test_each_corpus_has_its_own_evaluator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one of the same size in another order, whose token ids may mean other words."""
    monkeypatch.setattr(exposure, "STEPS", 2)
    reordered = replace(CORPUS.train, batch=replace(CORPUS.train.batch, tokens=CORPUS.train.batch.tokens.flip(0)))
    evaluator_lm(CORPUS, tmp_path)
    evaluator_lm(replace(CORPUS, train=reordered), tmp_path)
    assert len(list(tmp_path.glob("evaluator_lm/*/evaluator_lm.safetensors"))) == 2


def test_drift_of_free_samples_is_detected(evaluator: LanguageModel) -> None:
    generator = Forgetful(CORPUS.vocab, embed_dim=4, hidden_dim=4).eval()
    found = drift(generator, CORPUS, evaluator, 10, 0)
    free, continuation, real = (found[kind] for kind in ("free", "continuation", "real"))
    assert len(free) == len(continuation) == len(real) == CORPUS.max_len
    last = 5
    assert free[last] is not None
    assert continuation[last] is not None
    assert free[last] > continuation[last] + 1
    assert continuation[last] == pytest.approx(real[last], abs=1e-4), "it generates real text there"


def test_the_real_curve_is_the_mean_nll_at_each_position(evaluator: LanguageModel) -> None:
    generator = Lstm(CORPUS.vocab, embed_dim=4, hidden_dim=4).eval()
    found = drift(generator, CORPUS, evaluator, 10, 0)
    test = CORPUS.test.batch
    with torch.no_grad():
        nll, _ = evaluator(test.tokens, test.valid)
    for t in range(CORPUS.max_len):
        rows = test.valid[:, t]
        assert found["real"][t] == (pytest.approx(nll[rows, t].mean().item(), abs=1e-5) if rows.any() else None)
