"""Wraps a Hugging Face tokenizer together with the vocabulary that generators use. Saved with every run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from textgan.core.errors import UserError
from textgan.core.types import Batch, Vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend
    from transformers import PreTrainedTokenizerFast

FILE = "vocabulary.json"
"""The file of a saved tokenizer that holds its `Vocabulary`."""


@dataclass(frozen=True)
class Tokenizer:
    """Converts text to ids and back.

    Args:
        backend: the Rust library's tokenizer, which knows the special tokens.
        vocab: which of its ids start, end and pad a sequence.
        special: Hugging Face's names of special tokens ("eos_token", "unk_token") -> the tokens.
    """

    backend: Backend
    vocab: Vocabulary
    special: Mapping[str, str]

    @cached_property
    def hf(self) -> PreTrainedTokenizerFast:
        """The same tokenizer in Hugging Face's class, for saving. Its library takes a second to import."""
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast(tokenizer_object=self.backend, **self.special)

    @property
    def unk(self) -> int | None:
        """The id of unknown words, or None if every text can be encoded."""
        name = self.special.get("unk_token")
        found: int | None = None if name is None else self.backend.token_to_id(name)
        return None if found == self.vocab.eos else found

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each text, without start and end ids.

        The name of a special token in a text ("<eos>", "<|endoftext|>") is encoded as ordinary text, so no line can end
        itself. The one exception is "<unk>" for the word tokenizer, since it is frequent in prepared corpora.

        Raises:
            UserError: if a text has a word without an id.
        """
        backend = self.backend
        backend.encode_special_tokens = True
        backend.no_padding()
        backend.no_truncation()
        try:
            encoded = backend.encode_batch_fast(list(texts), add_special_tokens=False)
        except Exception as error:  # the Rust library has no narrower class
            raise UserError(
                f"a text has a word without an id ({error}); expected words of the tokenizer's vocabulary"
            ) from error
        return [one.ids for one in encoded]

    def batch(self, texts: Sequence[str], max_len: int) -> Batch:
        """Encodes texts as a batch [N, max_len]: ids, the end id if there is one, then padding.

        A text that is too long is truncated. A truncated text has no end id, nor has one that just fits: a generator
        produces both without an end id, too.

        Args:
            texts: N texts.
            max_len: T.
        """
        return self.pad(self.encode(texts), max_len)

    def pad(self, sequences: Sequence[Sequence[int]], max_len: int) -> Batch:
        """Returns sequences of ids, as from `encode`, as a batch [N, max_len]; see `batch`."""
        end = [] if self.vocab.eos is None else [self.vocab.eos]
        rows = [(*ids[:max_len], *end)[:max_len] for ids in sequences]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        valid = torch.from_numpy(np.arange(max_len) < lengths[:, None])  # [N,T]
        tokens = torch.full(valid.shape, self.vocab.pad)
        tokens[valid] = torch.tensor([token for row in rows for token in row], dtype=torch.long)
        return Batch(tokens, valid, torch.zeros_like(valid))

    def decode(self, tokens: Tensor, valid: Tensor) -> list[str]:
        """Returns the text of each row of [B,T], without special ids. Unknown words become the unknown token."""
        vocab = self.vocab
        marks = {vocab.eos} | {token for token in (vocab.bos, vocab.pad) if token in vocab.forbidden_ids}
        special = torch.tensor(sorted(mark for mark in marks if mark is not None), device=tokens.device)
        shown = valid & ~torch.isin(tokens, special)  # [B,T]
        flat = tokens[shown].tolist()
        ends = shown.sum(1).cumsum(0).tolist()
        rows = [flat[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)] if ends else []
        texts: list[str] = self.backend.decode_batch(rows, skip_special_tokens=False)
        return texts

    def save(self, folder: Path) -> None:
        """Writes Hugging Face's files, which other programs can read, and the vocabulary next to them."""
        folder.mkdir(parents=True, exist_ok=True)
        self.hf.save_pretrained(str(folder))
        (folder / FILE).write_text(json.dumps(asdict(self.vocab), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Loads a tokenizer that `save` wrote. Only JSON is read, so no folder can run code.

        Raises:
            UserError: if a file is missing or is not one that `save` writes.
        """
        from tokenizers import Tokenizer as Backend

        try:
            fields = json.loads((folder / FILE).read_text(encoding="utf-8"))
            config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            vocab = Vocabulary(**(fields | {"forbidden_ids": tuple(fields["forbidden_ids"])}))
            backend = Backend.from_file(str(folder / "tokenizer.json"))
            return wrap(backend, vocab, config.get("unk_token"))
        except Exception as error:  # the Rust library raises plain exceptions
            reason = f"{type(error).__name__}: {error}"
            raise UserError(f"{folder}: not a tokenizer saved by textgan ({reason})") from error


def wrap(backend: Backend, vocab: Vocabulary, unk: str | None = None) -> Tokenizer:
    """Returns a tokenizer of the Rust library with the special tokens that `vocab` names.

    Args:
        backend: a `tokenizers.Tokenizer` with the ids of `vocab`.
        vocab: the ids that generators use.
        unk: the unknown token's name, or None.
    """
    names = {"bos_token": vocab.bos, "eos_token": vocab.eos, "pad_token": vocab.pad}
    special: dict[str, str] = {
        name: str(backend.id_to_token(token))
        for name, token in names.items()
        if token is not None and (token in vocab.forbidden_ids or token == vocab.eos)
    }
    if unk is not None:
        special["unk_token"] = unk
    backend.add_special_tokens(list(dict.fromkeys(special.values())))
    return Tokenizer(backend, vocab, special)
