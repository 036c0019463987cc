"""Tokenizers as such: batches, decoding, and saving."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from textgan.core.errors import UserError
from textgan.core.types import Vocabulary
from textgan.data.tokenizers.base import Tokenizer, wrap
from textgan.data.tokenizers.builtin import bpe, char, numbers, pretrained, word

TEXTS = ["The dog isn't here.", "the dog's well-known bone", "a cat", "a cat", "zwölf Bäume 木 🙂"]


def round_trip(tokenizer: Tokenizer, texts: list[str], max_len: int = 60) -> list[str]:
    batch = tokenizer.batch(texts, max_len)
    return tokenizer.decode(batch.tokens, batch.valid)


def test_names_of_special_tokens_in_a_text_are_ordinary_text() -> None:
    for tokenizer in (word(["a <eos> <pad> b"]), char(["a <eos> <pad> b"]), bpe(["a <eos> <pad> b"], 300)):
        ids = tokenizer.encode(["a <eos> <pad> b"])[0]
        assert not {tokenizer.vocab.eos, tokenizer.vocab.pad} & set(ids)


def test_a_batch_is_ended_padded_and_truncated() -> None:
    tokenizer = word(["a b c d"])
    a, b, c, _ = tokenizer.encode(["a b c d"])[0]
    batch = tokenizer.batch(["a", "a b c", "a b c d", ""], 3)
    eos, pad = tokenizer.vocab.eos, tokenizer.vocab.pad
    assert batch.tokens.tolist() == [[a, eos, pad], [a, b, c], [a, b, c], [eos, pad, pad]]
    assert batch.valid.tolist() == [[True, True, False], [True] * 3, [True] * 3, [True, False, False]]
    assert not batch.given.any()
    assert tokenizer.decode(batch.tokens, batch.valid) == ["a", "a b c", "a b c", ""]
    assert tokenizer.batch([], 3).tokens.shape == (0, 3)
    assert tokenizer.decode(torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 3, dtype=torch.bool)) == []


@pytest.mark.parametrize(
    "tokenizer",
    [word(TEXTS), char(TEXTS), bpe(TEXTS, 300), numbers(9, 0), numbers(9, 10, 9)],
    ids=["word", "char", "bpe", "oracle", "tokens"],
)
def test_a_saved_tokenizer_is_the_same_tokenizer(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    texts = ["1 2"] if tokenizer.vocab.size < 20 else [*TEXTS, "an unseen word"]
    for again in (Tokenizer.load(tmp_path), pretrained(str(tmp_path))):
        assert again.vocab == tokenizer.vocab
        assert again.unk == tokenizer.unk
        assert again.encode(texts) == tokenizer.encode(texts)
        assert round_trip(again, texts) == round_trip(tokenizer, texts)


def test_a_damaged_folder_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a tokenizer saved by textgan"):
        Tokenizer.load(tmp_path)
    word(TEXTS).save(tmp_path)
    (tmp_path / "vocabulary.json").write_text(json.dumps({"size": 3}))
    with pytest.raises(UserError, match="not a tokenizer saved by textgan"):
        Tokenizer.load(tmp_path)


def test_wrapping_names_the_special_tokens_that_are_not_ordinary() -> None:
    backend = word(TEXTS).backend
    full = wrap(backend, Vocabulary(size=backend.get_vocab_size(), bos=1, eos=2, pad=0, forbidden_ids=(0, 1)), "<unk>")
    assert full.special == {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    bare = wrap(backend, Vocabulary(size=backend.get_vocab_size(), bos=4, eos=None, pad=4, forbidden_ids=()))
    assert bare.special == {}
    assert bare.unk is None


def test_padding_and_decoding_skip_invalid_positions() -> None:
    tokenizer = word(["a b"])
    batch = tokenizer.pad([[4], [5, 4]], 4)
    assert batch.valid.sum(1).tolist() == [2, 3]
    tokens = batch.tokens.clone()
    tokens[~batch.valid] = 5
    assert tokenizer.decode(tokens, batch.valid) == ["a", "b a"]
