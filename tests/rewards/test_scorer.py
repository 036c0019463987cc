from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

import textgan
from textgan.core import registry
from textgan.core.errors import UserError
from textgan.core.types import Samples
from textgan.rewards.scorer import Scorer
from textgan.testing import check_reward, tiny_corpus

CORPUS = tiny_corpus()


def sentences(rows: Sequence[int] = range(6)) -> Samples:
    batch = CORPUS.train.batch[torch.tensor(rows)]
    return Samples(batch.tokens, batch.valid, batch.valid)


def scorer(function: object) -> Scorer:
    component: type[Scorer] = type("Component", (Scorer,), {"function": staticmethod(function)})
    return component(CORPUS.tokenizer)


def test_contract() -> None:
    check_reward(scorer(lambda texts: [float(len(text)) for text in texts]), CORPUS)


def test_each_distinct_text_is_scored_once() -> None:
    seen: list[list[str]] = []

    def length(texts: Sequence[str]) -> list[float]:
        seen.append(list(texts))
        return [float(len(text)) for text in texts]

    rewards = scorer(length)(sentences([3, 1, 3, 3, 0]), sentences())
    texts = CORPUS.train.texts
    assert seen == [[texts[3], texts[1], texts[0]]]
    assert rewards.tolist() == [[float(len(texts[row]))] for row in (3, 1, 3, 3, 0)]


def test_tokens_after_the_end_are_not_read() -> None:
    fake = sentences([0, 0])
    fake.valid[1, 2:] = False
    rewards = scorer(lambda texts: [len(text.split()) for text in texts])(fake, fake)
    assert rewards[1].item() == 2
    assert rewards[0].item() > 2


@pytest.mark.parametrize(
    ("scores", "message"),
    [([1.0], "1 numbers for 6 texts"), ([math.nan] * 6, "expected a finite number"), ([math.inf] * 6, "returned inf")],
)
def test_invalid_scores_are_errors(scores: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        scorer(lambda texts: scores)(sentences(), sentences())


def test_a_result_that_is_not_a_list_is_an_error() -> None:
    with pytest.raises(UserError, match="returned None; expected a list of one number for each text"):
        scorer(lambda texts: None)(sentences(), sentences())


def test_a_decorated_function_becomes_a_component() -> None:
    before = list(registry._added)
    try:

        @textgan.scorer("test_brevity")
        def brevity(texts: Sequence[str]) -> list[float]:
            """Scores short texts higher."""
            return [1 / (1 + len(text)) for text in texts]

        component = registry.find("reward", "test_brevity").load()(CORPUS.tokenizer)
        check_reward(component, CORPUS)
        assert component(sentences(), sentences())[0].item() == pytest.approx(brevity([CORPUS.train.texts[0]])[0])
    finally:
        registry._added[:] = before
