from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from textgan import recipe
from textgan.core.errors import UserError
from textgan.core.types import Samples
from textgan.data.corpus import Split
from textgan.metrics.functional.bleu import sentence_bleu
from textgan.rewards.bleu import Bleu
from textgan.testing import check_reward, tiny_corpus

CORPUS = tiny_corpus()


def samples(texts: list[str]) -> Samples:
    batch = CORPUS.tokenizer.batch(texts, CORPUS.max_len)
    return Samples(batch.tokens, batch.valid, batch.valid)


TEXTS = ["the cat sees a dog .", "cat the a . dog", "the the the the", "a fish", ""]


def test_contract() -> None:
    check_reward(Bleu(CORPUS), CORPUS)


@pytest.mark.parametrize("order", [2, 4])
def test_it_is_sentence_bleu_against_the_training_text(order: int) -> None:
    reward = Bleu(CORPUS, order)(samples(TEXTS), samples(TEXTS))
    expected = sentence_bleu(CORPUS.train.texts, TEXTS, order)[-1]
    assert reward[:, 0].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert reward.dtype == torch.float32


def test_training_text_has_reward_one_and_test_text_less() -> None:
    assert Bleu(CORPUS)(samples(list(CORPUS.train.texts[:5])), samples(TEXTS)).tolist() == [[1.0]] * 5
    assert Bleu(CORPUS)(samples(list(CORPUS.test.texts)), samples(TEXTS)).min() < 1


def test_fewer_references_never_raise_the_reward() -> None:
    many, few = (Bleu(CORPUS, references=n)(samples(TEXTS), samples(TEXTS)) for n in (None, 3))
    assert bool((few <= many).all())
    assert bool((few < many).any())


def test_tokens_after_the_end_do_not_count() -> None:
    fake = samples(TEXTS[:1])
    fake.valid[:, 2:] = False
    assert Bleu(CORPUS)(fake, fake).item() == pytest.approx(sentence_bleu(CORPUS.train.texts, ["the cat"], 4)[-1][0])


def test_recipes_that_need_a_gradient_are_rejected() -> None:
    with pytest.raises(UserError, match="has no gradient"):
        recipe.load("latextgan", ["reward=bleu"])


def test_an_empty_training_split_is_an_error() -> None:
    corpus = replace(CORPUS, train=Split(CORPUS.train.batch[:0], []))
    with pytest.raises(UserError, match="reward=bleu: the train split is empty"):
        Bleu(corpus)
