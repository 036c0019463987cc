from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from textgan.compare.execution import exposure
from textgan.compare.execution.exposure import drift, judge
from textgan.core.roles import TokenSampler
from textgan.core.types import Batch, Samples
from textgan.generators.lstm import Lstm
from textgan.nn.language_model import LanguageModel
from textgan.testing import tiny_corpus

CORPUS = tiny_corpus()


class Forgetful(Lstm):
    """Writes a real sentence's words as long as it has been given one, and the first word for ever otherwise."""

    def sample(self, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        rows = torch.arange(len(batch)) % len(CORPUS.test.batch)
        real = CORPUS.test.batch[rows]
        shown = batch.given.any(1, keepdim=True)
        x: Tensor = torch.where(shown, batch.tokens, real.tokens[:, :1])
        valid = torch.where(shown, batch.valid, torch.ones_like(batch.valid))
        return Samples(x, valid, valid & ~batch.given)


@pytest.fixture(scope="module")
def judged_by(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    folder = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exposure, "STEPS", 60)
        return judge(CORPUS, folder)


def test_a_judge_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposure, "STEPS", 2)
    first, again = judge(CORPUS, tmp_path), judge(CORPUS, tmp_path)
    pairs = zip(first.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert len(list(tmp_path.glob("judge/*/judge.safetensors"))) == 1


def test_another_corpus_has_a_judge_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same size, say, with its words in another order: the first one's would read other words."""
    monkeypatch.setattr(exposure, "STEPS", 2)
    turned = replace(CORPUS.train, batch=replace(CORPUS.train.batch, tokens=CORPUS.train.batch.tokens.flip(0)))
    judge(CORPUS, tmp_path)
    judge(replace(CORPUS, train=turned), tmp_path)
    assert len(list(tmp_path.glob("judge/*/judge.safetensors"))) == 2


def test_one_that_drifts_alone_is_seen_to(judged_by: LanguageModel) -> None:
    generator = Forgetful(CORPUS.vocab, embed_dim=4, hidden_dim=4).eval()
    found = drift(generator, CORPUS, judged_by, 10, 0)
    free, behind, real = (found[kind] for kind in ("free", "behind", "real"))
    assert len(free) == len(behind) == len(real) == CORPUS.max_len
    last = 5
    assert free[last] is not None
    assert behind[last] is not None
    assert free[last] > behind[last] + 1
    assert behind[last] == pytest.approx(real[last], abs=1e-4), "it writes real text there"


def test_the_real_curve_is_the_mean_nll_at_each_position(judged_by: LanguageModel) -> None:
    generator = Lstm(CORPUS.vocab, embed_dim=4, hidden_dim=4).eval()
    found = drift(generator, CORPUS, judged_by, 10, 0)
    test = CORPUS.test.batch
    with torch.no_grad():
        nll, _ = judged_by(test.tokens, test.valid)
    for t in range(CORPUS.max_len):
        here = test.valid[:, t]
        assert found["real"][t] == (pytest.approx(nll[here, t].mean().item(), abs=1e-5) if here.any() else None)
