from __future__ import annotations

import pytest
import torch

from textgan import recipe
from textgan.metrics.functional.bleu import sentence_bleu
from textgan.core.errors import UserError
from textgan.rewards.bleu import Bleu
from textgan.testing import check_reward, tiny_corpus
from textgan.core.types import Samples

CORPUS = tiny_corpus()


def samples(texts: list[str]) -> Samples:
    batch = CORPUS.tokenizer.batch(texts, CORPUS.max_len)
    return Samples(batch.tokens, batch.valid, batch.valid)


TEXTS = ["the cat sees a dog .", "cat the a . dog", "the the the the", "a fish", ""]


def test_does_what_every_reward_must() -> None:
    check_reward(Bleu(CORPUS), CORPUS)


@pytest.mark.parametrize("order", [2, 4])
def test_it_is_sentence_bleu_against_the_training_text(order: int) -> None:
    paid = Bleu(CORPUS, order)(samples(TEXTS), samples(TEXTS))
    expected = sentence_bleu(CORPUS.train.texts, TEXTS, order)[-1]
    assert paid[:, 0].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert paid.dtype == torch.float32


def test_training_text_is_paid_in_full_and_test_text_is_not() -> None:
    assert Bleu(CORPUS)(samples(list(CORPUS.train.texts[:5])), samples(TEXTS)).tolist() == [[1.0]] * 5
    assert Bleu(CORPUS)(samples(list(CORPUS.test.texts)), samples(TEXTS)).min() < 1


def test_with_fewer_references_nothing_is_paid_more() -> None:
    many, few = (Bleu(CORPUS, references=n)(samples(TEXTS), samples(TEXTS)) for n in (None, 3))
    assert bool((few <= many).all())
    assert bool((few < many).any())


def test_nothing_behind_the_end_is_paid_for() -> None:
    made = samples(TEXTS[:1])
    made.valid[:, 2:] = False
    assert Bleu(CORPUS)(made, made).item() == pytest.approx(sentence_bleu(CORPUS.train.texts, ["the cat"], 4)[-1][0])


def test_it_has_no_gradient_and_recipes_that_want_one_are_told() -> None:
    with pytest.raises(UserError, match="has no gradient"):
        recipe.load("latextgan", ["reward=bleu"])
