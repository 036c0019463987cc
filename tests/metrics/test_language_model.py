from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch

from textgan.core.errors import UserError
from textgan.core.types import Samples
from textgan.data.corpus import Split
from textgan.metrics.base import Evaluation
from textgan.metrics.language_model import LanguageModelScores, frechet
from textgan.nn.language_model import LanguageModel
from textgan.testing import check_metric, tiny_corpus

CORPUS = tiny_corpus()
SMALL = LanguageModelScores(steps=60, hidden_dim=32)


def evaluation_of(texts: list[str]) -> Evaluation:
    batch = CORPUS.tokenizer.batch(texts, CORPUS.max_len)
    generator: Any = SimpleNamespace(bound=False)
    return Evaluation(generator, Samples(batch.tokens, batch.valid, batch.valid), texts, CORPUS)


def test_contract() -> None:
    class Seeded(LanguageModelScores):
        """Trains its model from the same seed each time, as an evaluation does."""

        def __call__(self, evaluation: Evaluation) -> Any:
            torch.manual_seed(0)
            return super().__call__(evaluation)

    check_metric(Seeded(steps=5, hidden_dim=8), CORPUS)


def test_it_ranks_known_texts() -> None:
    torch.manual_seed(0)
    real = list(CORPUS.train.texts) * 2
    shuffled = [" ".join(reversed(text.split())) for text in real]
    repeated = [real[0]] * len(real)
    good, bad, monotonous = (SMALL(evaluation_of(texts)) for texts in (real, shuffled, repeated))
    assert good["lm_score"] < bad["lm_score"] - 1
    assert good["reverse_lm_score"] < bad["reverse_lm_score"] - 1
    assert good["reverse_lm_score"] < monotonous["reverse_lm_score"] - 1, "it covers one sentence only"
    assert monotonous["lm_score"] < good["lm_score"] + 0.5, "one repeated good sentence is likely text"
    assert good["frechet"] < min(bad["frechet"], monotonous["frechet"]) / 2
    assert good["lm_score_test"] == bad["lm_score_test"]


def test_frechet_equals_the_formula() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(50, 4)), rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) + 1
    c1, c2 = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    difference = one.mean(0) - other.mean(0)
    expected = difference @ difference + np.trace(c1 + c2 - 2 * np.real(scipy.linalg.sqrtm(c1 @ c2)))
    assert frechet(torch.tensor(one), torch.tensor(other)) == pytest.approx(expected, rel=1e-6)
    assert frechet(torch.tensor(one), torch.tensor(one)) == pytest.approx(0, abs=1e-9)


def test_padding_counts_nowhere() -> None:
    torch.manual_seed(0)
    model = LanguageModel(8, 4, 4).eval()
    tokens, valid = torch.randint(8, (5, 6)), torch.arange(6) < torch.tensor([[6], [3], [1], [4], [2]])
    other = tokens.masked_fill(~valid, 7)
    assert model.nll(tokens, valid) == pytest.approx(model.nll(other, valid))
    torch.testing.assert_close(model.represent(tokens, valid), model.represent(other, valid))
    nll, _ = model(tokens, valid)
    before = torch.cat([torch.full((5, 1), 8), tokens[:, :-1]], 1)
    features, _ = model.lstm(model.embedding(before))
    log_prob = model.output(features).log_softmax(2).gather(2, tokens.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(nll, -log_prob * valid)


def test_the_model_of_real_text_does_not_depend_on_earlier_random_numbers() -> None:
    texts = list(CORPUS.train.texts)[:20]
    torch.manual_seed(1)
    one = LanguageModelScores(steps=3, hidden_dim=8)(evaluation_of(texts))
    torch.manual_seed(2)
    other = LanguageModelScores(steps=3, hidden_dim=8)(evaluation_of(texts))
    assert one["lm_score"] == other["lm_score"]
    assert one["reverse_lm_score"] != other["reverse_lm_score"]


def test_an_empty_test_split_is_an_error() -> None:
    corpus = replace(CORPUS, test=Split(CORPUS.test.batch[:0], []))
    with pytest.raises(UserError, match="the test split is empty"):
        SMALL(replace(evaluation_of(["the cat"]), corpus=corpus))
