"""A text with blanks, as a person writes it -> a batch in which everything else is given."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch

from textgan.core import registry
from textgan.data.tokenizers.base import Tokenizer
from textgan.core.errors import UserError
from textgan.core.types import Batch

BLANK = re.compile("__+")


def template(text: str, tokenizer: Tokenizer, max_len: int, count: int) -> Batch:
    """`count` times the same text, [count,T], each "___" of it a blank of one token, all else and the end given.

    Args:
        text: such as "a ___ on a ___".
        max_len: T, the end of the text included.

    Raises:
        UserError: if there is no blank, a word that the tokenizer does not know, or more than fits.
    """
    vocab = tokenizer.vocab
    row = list(_tokens(text, tokenizer))
    end = [] if vocab.eos is None else [vocab.eos]
    if None not in row:
        raise UserError(f'"{text}" has no blank; write ___ for each word that is to be filled in')
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
    """A text without blanks, all of it given, [1,T] with T = max_len.

    Raises:
        UserError: if it is empty, has a word that the tokenizer does not know, or more than fits.
    """
    ids = ids_of(text, tokenizer, max_len)
    if not ids:
        raise UserError(f'"{text}" is no text; give at least one word')
    batch = tokenizer.pad([ids], max_len)
    return Batch(batch.tokens, batch.valid, batch.valid)


def ids_of(text: str, tokenizer: Tokenizer, max_len: int) -> list[int]:
    """The ids of a text. Raises UserError if a word is unknown to the tokenizer, or if there are more than fit."""
    ids = _known(text, tokenizer)
    if len(ids) > max_len:
        raise UserError(f'"{text}" has {len(ids)} words, but the longest text here has {max_len}')
    return ids


def _tokens(text: str, tokenizer: Tokenizer) -> Iterator[int | None]:
    """The ids of a text, None for each blank."""
    for number, piece in enumerate(BLANK.split(text)):
        if number:
            yield None
        yield from _known(piece, tokenizer)


def _known(piece: str, tokenizer: Tokenizer) -> list[int]:
    """The ids of a text without blanks. Raises UserError, with the word, if one is unknown."""
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
    return UserError(f'the word "{word}" stands in no text that this model was trained on{near}')
