from __future__ import annotations

import pytest
import torch
from support.worlds import EOS, Unigram, World
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.roles import TokenSampler
from textgan.core.types import Batch, Samples
from textgan.metrics.reconstruction import Reconstruction


class Autoencoder(Unigram):
    """Has the sentence as its code, decodes one token wrongly, and keeps given tokens."""

    def __init__(self, wrong: int) -> None:
        super().__init__([0.5, 0.5])
        self.wrong = wrong

    def encode(self, batch: Batch) -> Tensor:
        return batch.tokens.float()

    def decode_codes(self, codes: Tensor, batch: Batch, token_sampler: TokenSampler | None = None) -> Samples:
        assert token_sampler is not None
        assert not batch.tokens[~batch.given].any(), "the tokens to reconstruct must not be shown"
        x = codes.long()
        x = torch.where(batch.given, batch.tokens, torch.where(x == self.wrong, 999, x))
        valid = (x == EOS).cumsum(1) - (x == EOS).long() == 0
        return Samples(x, valid, valid & ~batch.given)


def test_it_is_the_share_of_sentences_and_of_tokens_that_are_recovered() -> None:
    world = World(max_len=5)
    test = ["a b c", "d e", "a d", "e"]
    evaluation = world([""], test=test, generator=Autoencoder(wrong=3))  # 3 is "a"
    assert world.words["a"] == 3
    measured = Reconstruction()(evaluation)
    assert measured == pytest.approx({"reconstructed": 2 / 4, "reconstructed_tokens": 10 / 12})
    assert Reconstruction(limit=2)(evaluation) == pytest.approx({"reconstructed": 1 / 2, "reconstructed_tokens": 6 / 7})
    assert Reconstruction().better() == {"reconstructed": "higher", "reconstructed_tokens": "higher"}


def test_a_given_token_is_shown_and_not_counted() -> None:
    world = World(max_len=4)
    evaluation = world([""], test=["a b", "b a"], generator=Autoencoder(wrong=3))
    batch = evaluation.corpus.test.batch
    batch.given[batch.tokens == 3] = True
    assert Reconstruction()(evaluation) == {"reconstructed": 1, "reconstructed_tokens": 1}


def test_a_test_split_is_needed() -> None:
    with pytest.raises(UserError, match="test split"):
        Reconstruction()(World()(["a"], test=[], generator=Autoencoder(3)))
