from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch

import textgan
from textgan.core import registry
from textgan.discriminators.text_cnn import TextCnn
from textgan.core.errors import UserError
from textgan.losses.bce import Bce
from textgan.rewards.constant import Constant
from textgan.rewards.scorer import Scorer
from textgan.rewards.adversarial import AdversarialReward
from textgan.testing import check_reward, tiny_corpus
from textgan.core.types import Samples

CORPUS = tiny_corpus()


def sentences(rows: Sequence[int] = range(6)) -> Samples:
    batch = CORPUS.train.batch[torch.tensor(rows)]
    return Samples(batch.tokens, batch.valid, batch.valid)


def opponent() -> TextCnn:
    torch.manual_seed(0)
    return TextCnn(CORPUS.vocab, embed_dim=8, widths=(1, 2), filters=4, dropout=0.5).eval()


def scorer(function: object) -> Scorer:
    made: type[Scorer] = type("Made", (Scorer,), {"function": staticmethod(function)})
    return made(CORPUS.tokenizer)


def test_each_does_what_every_reward_must() -> None:
    check_reward(Constant(), CORPUS)
    check_reward(AdversarialReward(opponent(), Bce()), CORPUS)
    check_reward(scorer(lambda texts: [float(len(text)) for text in texts]), CORPUS)


def test_the_control_pays_the_same_for_everything() -> None:
    assert Constant(0.7)(sentences(), sentences()).tolist() == [[pytest.approx(0.7)]] * 6


def test_a_verdict_is_what_the_loss_pays_for_it() -> None:
    d, fake = opponent(), sentences()
    for pays in ("probability", "logit"):
        loss = Bce(pays)  # type: ignore[arg-type]
        expected = {"probability": torch.sigmoid, "logit": torch.clone}[pays](d(fake).logits)
        torch.testing.assert_close(AdversarialReward(d, loss)(fake, sentences()), expected)


def test_a_scorer_sees_each_text_once_and_pays_each_row() -> None:
    seen: list[list[str]] = []

    def length(texts: Sequence[str]) -> list[float]:
        seen.append(list(texts))
        return [float(len(text)) for text in texts]

    paid = scorer(length)(sentences([3, 1, 3, 3, 0]), sentences())
    texts = CORPUS.train.texts
    assert seen == [[texts[3], texts[1], texts[0]]]
    assert paid.tolist() == [[float(len(texts[row]))] for row in (3, 1, 3, 3, 0)]


def test_a_scorer_reads_nothing_behind_the_end() -> None:
    fake = sentences([0, 0])
    fake.valid[1, 2:] = False
    paid = scorer(lambda texts: [len(text.split()) for text in texts])(fake, fake)
    assert paid[1].item() == 2
    assert paid[0].item() > 2


@pytest.mark.parametrize(
    ("scores", "told"),
    [([1.0], "1 numbers for 6 texts"), ([math.nan] * 6, "must be a finite number"), ([math.inf] * 6, "returned inf")],
)
def test_a_scorer_that_makes_no_sense_is_told(scores: list[float], told: str) -> None:
    with pytest.raises(UserError, match=told):
        scorer(lambda texts: scores)(sentences(), sentences())


def test_a_function_becomes_a_reward_that_recipes_can_name() -> None:
    before = list(registry._added)
    try:

        @textgan.scorer("test_brevity")
        def brevity(texts: Sequence[str]) -> list[float]:
            """Short texts are better."""
            return [1 / (1 + len(text)) for text in texts]

        made = registry.find("reward", "test_brevity").load()(CORPUS.tokenizer)
        check_reward(made, CORPUS)
        assert made(sentences(), sentences())[0].item() == pytest.approx(brevity([CORPUS.train.texts[0]])[0])
    finally:
        registry._added[:] = before
