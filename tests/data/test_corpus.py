"""Encoded splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from support.paths import SHARED

from textgan.core.errors import UserError
from textgan.data.corpus import Corpus, build_corpus
from textgan.data.interfaces import Raw, Source
from textgan.data.sources.oracle import OracleLstm
from textgan.data.sources.text import TextFiles
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import char, numbers, word

TRAIN = [f"the cat sees {animal} now" for animal in "abcdefghijkl"]
COCO = SHARED / "coco"


class Given(Source):
    def __init__(
        self,
        train: Sequence[str],
        validation: Sequence[str] = (),
        test: Sequence[str] = (),
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self.raw = Raw(train, validation, test, tokenizer, {"seen by the source": 1})

    def read(self, seed: int) -> Raw:
        return self.raw


class Sampled(Given):
    capabilities = frozenset({"oracle"})


def test_sequences_have_an_end_and_decode_to_their_text() -> None:
    corpus = build_corpus(Given(TRAIN, TRAIN[:0], ["A cat sees"]), None, None, 1)
    assert corpus.max_len == 6
    assert corpus.train.batch.tokens.shape == (12, 6)
    assert (corpus.train.batch.tokens[:, 5] == corpus.vocab.eos).all()
    assert corpus.train.texts == TRAIN
    assert corpus.test.texts == ["a cat sees"]
    assert corpus.validation.batch.tokens.shape == (0, 6)
    assert corpus.oracle is None
    assert corpus.notes == {"seen by the source": 1}
    assert corpus.summary()["lines"] == {"train": 12, "validation": 0, "test": 1}


def test_splits_are_disjoint_and_duplicates_within_one_stay() -> None:
    train = [*TRAIN, *TRAIN, "The CAT sees a  now", "a b c"]
    corpus = build_corpus(Given(train, [TRAIN[1], TRAIN[2]], [TRAIN[0], TRAIN[2], TRAIN[2]]), None, None, 1)
    assert corpus.train.texts == [*TRAIN[3:], *TRAIN[3:], "a b c"]
    assert corpus.validation.texts == [TRAIN[1]]
    assert corpus.test.texts == [TRAIN[0], TRAIN[2], TRAIN[2]]
    assert corpus.notes["train: lines that are also in validation or test, left out"] == 7
    assert corpus.notes["validation: lines that are also in test, left out"] == 1


def test_independent_samples_of_a_known_distribution_are_not_changed() -> None:
    corpus = build_corpus(Sampled(TRAIN, TRAIN, TRAIN), None, None, 1)
    assert corpus.train.texts == corpus.validation.texts == corpus.test.texts == TRAIN


def test_the_tokenizer_learns_from_train_alone() -> None:
    seen: list[str] = []

    def fit(texts: Sequence[str]) -> Tokenizer:
        seen.extend(texts)
        return word(texts)

    corpus = build_corpus(Given(TRAIN, ["a dog"], [TRAIN[0], "the zebra sees a zebra"]), fit, None, 1)
    assert seen == TRAIN[1:]
    assert corpus.test.texts == [TRAIN[0].replace(" a ", " <unk> "), "the <unk> sees <unk> <unk>"]
    assert corpus.notes["test: unknown words"] == 4
    assert corpus.notes["test: lines with unknown words"] == 2
    assert corpus.notes["validation: unknown words"] == 2


def test_lines_that_differ_in_unknown_words_are_different_lines() -> None:
    corpus = build_corpus(Given(TRAIN, ["the cat sees zebras now"], ["the cat sees gnus now"]), None, None, 1)
    assert corpus.validation.texts == corpus.test.texts == ["the cat sees <unk> now"]


def test_an_unknown_word_is_given_if_no_generator_can_produce_it() -> None:
    def rare(texts: Sequence[str]) -> Tokenizer:
        return word(texts, min_count=2)

    test = ["the zebra sees"]
    corpus = build_corpus(Given(TRAIN, test=test), None, None, 1)
    assert corpus.test.batch.given.tolist() == [[False, True, False, False, False, False]]
    assert not corpus.train.batch.given.any()
    corpus = build_corpus(Given(TRAIN, test=test), rare, None, 1)
    assert not corpus.test.batch.given.any()


def test_lines_that_are_too_long_are_left_out_and_counted() -> None:
    test = ["the cat", "the cat sees a b now"]
    corpus = build_corpus(Given(["the cat " * 4, *TRAIN], test=test), None, 5, 1)
    assert corpus.max_len == 6
    assert (len(corpus.train.texts), corpus.test.texts) == (12, ["the cat"])
    assert corpus.notes["train: lines of more than 5 tokens left out"] == 1
    assert corpus.notes["test: lines of more than 5 tokens left out"] == 1
    long = build_corpus(Given(["x" * 200, "y" * 128, *TRAIN]), char, None, 1)
    assert long.max_len == 129
    assert long.notes["train: lines of more than 128 tokens left out"] == 1


def test_empty_lines_are_left_out() -> None:
    corpus = build_corpus(Given(["", *TRAIN, " \t"], test=[" ", "a"]), None, None, 1)
    assert corpus.notes["train: empty lines left out"] == 2
    assert corpus.notes["test: empty lines left out"] == 1


def test_ready_ids_have_their_own_tokenizer() -> None:
    rows = [f"{n} 1 2" for n in range(12)]
    corpus = build_corpus(Given(rows, tokenizer=numbers(12, bos=0)), word, None, 1)
    assert corpus.train.batch.tokens.tolist() == [[n, 1, 2] for n in range(12)]
    assert corpus.max_len == 3
    assert corpus.train.batch.valid.all()


def test_too_few_lines_are_an_error_with_the_reason() -> None:
    with pytest.raises(UserError, match=r"0 of 12 lines are left .*also in validation or test, left out: 12"):
        build_corpus(Given(TRAIN, test=TRAIN), None, None, 1)
    with pytest.raises(UserError, match=r"0 of 12 lines are left .*more than 3 tokens left out: 12"):
        build_corpus(Given(TRAIN), None, 3, 1)
    with pytest.raises(UserError, match="9 of 9 lines"):
        build_corpus(Given(TRAIN[:9]), None, None, 1)


def test_the_same_seed_gives_the_same_corpus(tmp_path: Path) -> None:
    def build(seed: int) -> Corpus:
        path = tmp_path / "a.txt"
        path.write_text("\n".join(f"line number {n}" for n in range(60)))
        return build_corpus(TextFiles(str(path)), char, None, seed)

    one, same, other = build(1), build(1), build(2)
    assert torch.equal(one.train.batch.tokens, same.train.batch.tokens)
    assert one.test.texts == same.test.texts != other.test.texts


def test_an_oracle_scores_its_own_corpus() -> None:
    source = OracleLstm(size=30, hidden_dim=4, length=4, sequences=50, validation=0, test=10)
    corpus = build_corpus(source, None, None, 1)
    assert corpus.oracle is not None
    assert corpus.vocab == numbers(30, bos=0).vocab
    assert corpus.oracle.log_prob(corpus.test.batch.tokens, corpus.test.batch.valid).shape == (10,)


def test_real_captions() -> None:
    if not COCO.is_dir():
        pytest.skip("the captions are not on this machine")
    source = TextFiles(str(COCO / "train.txt"), test=str(COCO / "test.txt"), validation_share=0)
    corpus = build_corpus(source, None, 20, 1)
    assert not set(corpus.train.texts) & set(corpus.test.texts)
    assert corpus.notes["train: lines that are also in validation or test, left out"] == 7
    assert len(corpus.train.texts) + corpus.notes["train: lines of more than 20 tokens left out"] == 10_000 - 7
    assert corpus.train.batch.valid.any(1).all()


def test_the_fingerprint_is_that_of_the_ids_in_their_order() -> None:
    first = build_corpus(Given(TRAIN), None, None, 1)
    assert first.fingerprint() == build_corpus(Given(TRAIN), None, None, 2).fingerprint()
    assert first.fingerprint() != build_corpus(Given(TRAIN[::-1]), None, None, 1).fingerprint()
    assert first.fingerprint() != build_corpus(Given(TRAIN, test=["a cat"]), None, None, 1).fingerprint()
