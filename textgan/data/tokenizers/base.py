"""Text <-> ids: a Hugging Face tokenizer and the vocabulary that generators see. Saved with every run."""

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


@dataclass(frozen=True)
class Tokenizer:
    """Splits and joins text.

    Args:
        backend: the Rust library's tokenizer, to which the special tokens are known.
        vocab: which of its ids start, end and fill a sequence.
        special: Hugging Face's names of special tokens ("eos_token", "unk_token") -> the tokens.
    """

    backend: Backend
    vocab: Vocabulary
    special: Mapping[str, str]

    @cached_property
    def hf(self) -> PreTrainedTokenizerFast:
        """The same under Hugging Face's class, whose library takes a second to import: for what is saved."""
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast(tokenizer_object=self.backend, **self.special)

    @property
    def unk(self) -> int | None:
        """The id of a word that is in no vocabulary, or None where every text can be spelled."""
        name = self.special.get("unk_token")
        found: int | None = None if name is None else self.backend.token_to_id(name)
        return None if found == self.vocab.eos else found

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, with neither start nor end.

        A special token's name that stands in a text ("<eos>", "<|endoftext|>") is read as ordinary text, so
        no line can end itself. The one exception is "<unk>" for the word tokenizer: prepared corpora are full
        of it.

        Raises:
            UserError: if a text holds a word that this tokenizer has no id for.
        """
        backend = self.backend
        backend.encode_special_tokens = True
        backend.no_padding()
        backend.no_truncation()
        try:
            encoded = backend.encode_batch_fast(list(texts), add_special_tokens=False)
        except Exception as error:  # the Rust library has no narrower class
            raise UserError(f"a text holds a word that the tokenizer has no id for ({error})") from error
        return [one.ids for one in encoded]

    def batch(self, texts: Sequence[str], max_len: int) -> Batch:
        """[N, max_len]: the ids, the end id where there is one, padding. A text that is too long is cut.

        What is cut has no end id, and neither has a text that just fits: a generator writes both without an
            end, too.
        """
        return self.pad(self.encode(texts), max_len)

    def pad(self, sequences: Sequence[Sequence[int]], max_len: int) -> Batch:
        """Sequences of ids, as `encode` returns them -> [N, max_len]; see `batch`."""
        end = [] if self.vocab.eos is None else [self.vocab.eos]
        rows = [(*ids[:max_len], *end)[:max_len] for ids in sequences]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        valid = torch.from_numpy(np.arange(max_len) < lengths[:, None])  # [N,T]
        tokens = torch.full(valid.shape, self.vocab.pad)
        tokens[valid] = torch.tensor([token for row in rows for token in row], dtype=torch.long)
        return Batch(tokens, valid, torch.zeros_like(valid))

    def decode(self, tokens: Tensor, valid: Tensor) -> list[str]:
        """The text of each row of [B,T], without special ids. An unknown word reads as the unknown token."""
        vocab = self.vocab
        marks = {vocab.eos} | {token for token in (vocab.bos, vocab.pad) if token in vocab.forbidden_ids}
        silent = torch.tensor(sorted(mark for mark in marks if mark is not None), device=tokens.device)
        spoken = valid & ~torch.isin(tokens, silent)  # [B,T]
        flat = tokens[spoken].tolist()
        ends = spoken.sum(1).cumsum(0).tolist()
        rows = [flat[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)] if ends else []
        texts: list[str] = self.backend.decode_batch(rows, skip_special_tokens=False)
        return texts

    def save(self, folder: Path) -> None:
        """Writes Hugging Face's files, which other programs can read, and the vocabulary beside them."""
        folder.mkdir(parents=True, exist_ok=True)
        self.hf.save_pretrained(str(folder))
        (folder / FILE).write_text(json.dumps(asdict(self.vocab), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Reads what `save` wrote. Only JSON is read, so a stranger's folder cannot run code.

        Raises:
            UserError: if a file is missing or is not what `save` writes.
        """
        from tokenizers import Tokenizer as Backend

        try:
            fields = json.loads((folder / FILE).read_text(encoding="utf-8"))
            config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            vocab = Vocabulary(**(fields | {"forbidden_ids": tuple(fields["forbidden_ids"])}))
            backend = Backend.from_file(str(folder / "tokenizer.json"))
            return wrap(backend, vocab, config.get("unk_token"))
        except Exception as error:  # the Rust library raises plain exceptions; whatever it is, the folder is no good
            reason = f"{type(error).__name__}: {error}"
            raise UserError(f"{folder} holds no tokenizer that was saved by textgan ({reason})") from error


def wrap(backend: Backend, vocab: Vocabulary, unk: str | None = None) -> Tokenizer:
    """A tokenizer of the Rust library with the special tokens that `vocab` names.

    Args:
        backend: a `tokenizers.Tokenizer` whose ids are those of `vocab`.
        vocab: what generators see.
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
