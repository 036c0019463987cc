"""Converts a text with blanks, written by a person, to a batch in which everything else is given."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch

from textgan.core import registry
from textgan.core.errors import UserError
from textgan.core.types import Batch
from textgan.data.tokenizers.base import Tokenizer

BLANK = re.compile("__+")
"""A blank in a text."""


def template(text: str, tokenizer: Tokenizer, max_len: int, count: int) -> Batch:
    """Returns `count` rows of the same text, [count,T], in which each "___" is a blank of one token.

    All other tokens and the end are given.

    Args:
        text: a text such as "a ___ on a ___".
        tokenizer: the tokenizer of the model.
        max_len: T, the end of the text included.
        count: number of rows.

    Raises:
        UserError: if there is no blank, if a word is not in the vocabulary, or if the text is too long.
    """
    vocab = tokenizer.vocab
    row = list(_tokens(text, tokenizer))
    end = [] if vocab.eos is None else [vocab.eos]
    if None not in row:
        raise UserError(f'"{text}" has no blank; write ___ for each word to fill in')
    if len(row) + len(end) > max_len:
        raise UserError(f'"{text}" has {len(row)} words, but the longest text here has {max_len - len(end)}')
    row += end
    length = max_len if end else len(row)
    tokens = torch.full((length,), vocab.pad)
    tokens[: len(row)] = torch.tensor([vocab.pad if token is None else token for token in row])
    given = torch.zeros(length, dtype=torch.bool)
    given[: len(row)] = torch.tensor([token is not None for token in row])
    valid = torch.arange(length) < len(row)
    return Batch(*(part.expand(count, -1).clone() for part in (tokens, valid, given)))


def sentence(text: str, tokenizer: Tokenizer, max_len: int) -> Batch:
    """Returns a text without blanks as a batch, [1,T], in which every token is given.

    Args:
        text: the text.
        tokenizer: the tokenizer of the model.
        max_len: T.

    Raises:
        UserError: if the text is empty or too long, or if a word is not in the vocabulary.
    """
    ids = ids_of(text, tokenizer, max_len)
    if not ids:
        raise UserError(f'"{text}" has no words; give at least one')
    batch = tokenizer.pad([ids], max_len)
    return Batch(batch.tokens, batch.valid, batch.valid)


def ids_of(text: str, tokenizer: Tokenizer, max_len: int) -> list[int]:
    """Returns the ids of a text. Raises UserError if a word is not in the vocabulary, or if the text is too long."""
    ids = _known(text, tokenizer)
    if len(ids) > max_len:
        raise UserError(f'"{text}" has {len(ids)} words, but the longest text here has {max_len}')
    return ids


def _tokens(text: str, tokenizer: Tokenizer) -> Iterator[int | None]:
    """Yields the ids of a text, and None for each blank."""
    for number, piece in enumerate(BLANK.split(text)):
        if number:
            yield None
        yield from _known(piece, tokenizer)


def _known(piece: str, tokenizer: Tokenizer) -> list[int]:
    """Returns the ids of a text without blanks. Raises UserError with the first unknown word."""
    try:
        (ids,) = tokenizer.encode([piece])
    except UserError as error:
        raise _unknown(next(word for word in piece.split() if _fails(word, tokenizer)), tokenizer) from error
    if tokenizer.unk in ids:
        encoding = tokenizer.backend.encode(piece, add_special_tokens=False)
        for token, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            if token == tokenizer.unk and piece[start:stop] != tokenizer.special.get("unk_token"):
                raise _unknown(piece[start:stop], tokenizer)
    return ids


def _fails(word: str, tokenizer: Tokenizer) -> bool:
    try:
        tokenizer.encode([word])
    except UserError:
        return True
    return False


def _unknown(word: str, tokenizer: Tokenizer) -> UserError:
    near = registry.suggest(word.lower(), tokenizer.backend.get_vocab())
    return UserError(f'the word "{word}" is not in the vocabulary of this model{near}')
