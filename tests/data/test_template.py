"""Texts with blanks as batches."""

from __future__ import annotations

import re

import pytest

from textgan.core.errors import UserError
from textgan.data.template import ids_of, sentence, template
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import char, numbers, word

LINES = ["a man sits on a horse .", "the dog isn't here ."]


@pytest.fixture
def words() -> Tokenizer:
    return word(LINES)


def ids(tokenizer: Tokenizer, *texts: str) -> list[int]:
    return [tokenizer.encode([text])[0][0] for text in texts]


def test_everything_but_the_blanks_is_given(words: Tokenizer) -> None:
    batch = template("A ___ sits on _____ .", words, 8, 3)
    assert batch.tokens.shape == batch.valid.shape == batch.given.shape == (3, 8)
    given = [True, False, True, True, False, True, True, False]
    assert batch.given.tolist() == [given] * 3
    assert batch.valid.tolist() == [[True] * 7 + [False]] * 3
    assert batch.tokens[2][batch.given[2]].tolist() == [*ids(words, "a", "sits", "on", "."), words.vocab.eos]
    assert (batch.tokens[~batch.given] == words.vocab.pad).all()


@pytest.mark.parametrize("text", ["___", "___ ___", "__ dog ____", "______man"])
def test_blanks_may_be_anywhere(words: Tokenizer, text: str) -> None:
    batch = template(text, words, 5, 1)
    assert (batch.valid & ~batch.given).sum() == len(re.findall("_+", text))


def test_without_an_end_id_the_batch_is_as_long_as_the_text() -> None:
    batch = template("3 ___ 5", numbers(10, 0), 20, 2)
    assert batch.tokens[:, [0, 2]].tolist() == [[3, 5]] * 2
    assert batch.given.tolist() == [[True, False, True]] * 2


def test_a_blank_of_a_char_tokenizer_is_a_character() -> None:
    tokenizer = char(LINES)
    batch = template("a m___n", tokenizer, 10, 1)
    assert batch.given[0].tolist() == [True, True, True, False, True, True, False, False, False, False]


def test_a_text_that_just_fits(words: Tokenizer) -> None:
    assert template("___ man", words, 3, 1).given[0].tolist() == [False, True, True]
    with pytest.raises(UserError, match='"a ___ man" has 3 words, but the longest text here has 2'):
        template("a ___ man", words, 3, 1)


@pytest.mark.parametrize("text", ["a man", "", " "])
def test_a_text_without_a_blank(words: Tokenizer, text: str) -> None:
    with pytest.raises(UserError, match="has no blank; write ___"):
        template(text, words, 8, 1)


@pytest.mark.parametrize(
    ("text", "message"), [("a ___ hosre, sits", '"hosre".*did you mean "horse"'), ("Zyx ___", '"Zyx"')]
)
def test_an_unknown_word_is_named(words: Tokenizer, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        template(text, words, 8, 1)


def test_a_number_that_is_not_an_id_is_named() -> None:
    with pytest.raises(UserError, match='"12"'):
        template("3 ___ 12", numbers(10, 0), 20, 2)


def test_the_unknown_token_may_be_written() -> None:
    tokenizer = word([*LINES, "the <unk> sits"])
    assert template("<unk> ___", tokenizer, 8, 1).tokens[0, 0] == tokenizer.unk


def test_a_sentence_without_blanks_is_given_as_a_whole(words: Tokenizer) -> None:
    batch = sentence("a man sits", words, 6)
    assert batch.tokens.shape == (1, 6)
    assert batch.valid.tolist() == batch.given.tolist() == [[True] * 4 + [False] * 2]
    with pytest.raises(UserError, match="has no words; give at least one"):
        sentence(" ", words, 6)


def test_the_ids_of_a_text(words: Tokenizer) -> None:
    assert ids_of("a man", words, 2) == ids(words, "a", "man")
    assert ids_of("", words, 2) == []
    with pytest.raises(UserError, match='"a man sits" has 3 words, but the longest text here has 2'):
        ids_of("a man sits", words, 2)
    with pytest.raises(UserError, match='the word "cow" is not in the vocabulary of this model'):
        ids_of("a cow", words, 2)
