from __future__ import annotations

import pytest
import torch
from torch import Tensor
from support.worlds import EOS, Unigram, World

from textgan.core.errors import UserError
from textgan.metrics.reconstruction import Reconstruction
from textgan.core.roles import TokenSampler
from textgan.core.types import Batch, Samples


class Parrot(Unigram):
    """Its code is the sentence; it says a wrong word in place of one, and keeps what is given."""

    def __init__(self, wrong: int) -> None:
        super().__init__([0.5, 0.5])
        self.wrong = wrong

    def encode(self, batch: Batch) -> Tensor:
        return batch.tokens.float()

    def decode_codes(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        assert token_sampler is not None
        assert not batch.tokens[~batch.given].any(), "it must not be shown what it is asked for"
        x = codes.long()
        x = torch.where(batch.given, batch.tokens, torch.where(x == self.wrong, 999, x))
        valid = (x == EOS).cumsum(1) - (x == EOS).long() == 0
        return Samples(x, valid, valid & ~batch.given)


def test_it_is_the_share_of_sentences_and_of_tokens_that_come_back() -> None:
    world = World(max_len=5)
    test = ["a b c", "d e", "a d", "e"]
    evaluation = world([""], test=test, generator=Parrot(wrong=3))  # samples first: 3 is "a"
    assert world.words["a"] == 3
    measured = Reconstruction()(evaluation)
    assert measured == pytest.approx({"reconstructed": 2 / 4, "reconstructed_tokens": 10 / 12})
    assert Reconstruction(limit=2)(evaluation) == pytest.approx({"reconstructed": 1 / 2, "reconstructed_tokens": 6 / 7})
    assert Reconstruction().better() == {"reconstructed": "higher", "reconstructed_tokens": "higher"}


def test_a_word_that_nobody_may_say_is_shown() -> None:
    world = World(max_len=4)
    evaluation = world([""], test=["a b", "b a"], generator=Parrot(wrong=3))
    batch = evaluation.corpus.test.batch
    batch.given[batch.tokens == 3] = True
    assert Reconstruction()(evaluation) == {"reconstructed": 1, "reconstructed_tokens": 1}


def test_a_test_split_is_needed() -> None:
    with pytest.raises(UserError, match="test split"):
        Reconstruction()(World()(["a"], test=[], generator=Parrot(3)))
