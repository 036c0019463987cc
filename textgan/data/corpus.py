"""Encodes a source's text into the splits that a run trains on and is evaluated on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from textgan.core.errors import UserError
from textgan.core.types import Batch, Vocabulary
from textgan.data.interfaces import Oracle, Source
from textgan.data.readers import count
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import word

Line = TypeVar("Line", bound=Hashable)
SPLITS = ("train", "validation", "test")
LONGEST = 128
"""Maximum number of tokens in a line if no max_len is given."""
FEWEST = 10
"""Minimum number of training lines."""
KNOWN = frozenset({"oracle", "grammar"})
"""Sources with these capabilities sample their splits independently from a known distribution. What two splits share,
they share by chance, and removing it would bias the distribution."""


@dataclass(frozen=True)
class Split:
    """One of train, validation and test.

    Args:
        batch: all its sequences, [N,T], on the CPU. If <unk> is a forbidden id, unknown words of validation and test
            are `given`: generators read them, but their likelihood does not count, since no generator can produce them.
        texts: the N texts, decoded from the ids, so an unknown word reads as the unknown token.
    """

    batch: Batch
    texts: Sequence[str]


@dataclass(frozen=True)
class Corpus:
    """Holds the encoded data of a run.

    Args:
        train: the split to train on.
        validation: the split to choose by.
        test: the split to report on.
        tokenizer: converts between text and ids.
        oracle: the known distribution, or None.
        max_len: T, the end-of-sequence id included.
        notes: counts of what was left out or changed.
    """

    train: Split
    validation: Split
    test: Split
    tokenizer: Tokenizer
    oracle: Oracle | None
    max_len: int
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def vocab(self) -> Vocabulary:
        """The ids of the tokenizer."""
        return self.tokenizer.vocab

    def fingerprint(self) -> str:
        """Returns a hash of the vocabulary and of the ids of all splits, in their order."""
        digest = hashlib.sha256(repr(self.vocab).encode())
        for name in SPLITS:
            digest.update(getattr(self, name).batch.tokens.numpy().tobytes())
        return digest.hexdigest()

    def summary(self) -> dict[str, object]:
        """Returns sizes and counts of what was left out, for display and for JSON."""
        lines = {name: len(getattr(self, name).texts) for name in SPLITS}
        return {
            "lines": lines,
            "vocabulary": self.vocab.size,
            "max_len": self.max_len,
            "notes": dict(self.notes),
        }


def build_corpus(
    source: Source, tokenizer: Callable[[Sequence[str]], Tokenizer] | None, max_len: int | None, seed: int
) -> Corpus:
    """Reads a source and encodes it. The same options and seed give the same corpus.

    Splits are disjoint, both as text and as ids: lines of test are removed from validation and train, and lines of
    validation from train. Splits of a known distribution are not changed. Duplicates within a split stay, since they
    are part of the distribution. Nothing is learned from validation and test.

    Args:
        source: provides the text.
        tokenizer: makes a tokenizer from training texts; None is `word`. A source of ready ids has its own.
        max_len: maximum length in tokens, without the end-of-sequence id; longer lines are left out and counted. None
            is the length of the longest training line, at most 128.
        seed: determines what the source samples.

    Raises:
        UserError: if fewer than 10 lines are left to train on.
    """
    raw = source.read(seed)
    notes = dict(raw.notes)
    sampled = bool(source.capabilities & KNOWN)
    lines = {name: _not_empty(getattr(raw, name), name, notes) for name in SPLITS}
    found = len(lines["train"])
    if not sampled:
        lines = _disjoint(lines, notes)
    _check_enough(lines["train"], found, notes)

    fitted = raw.tokenizer or (tokenizer or word)(lines["train"])
    ids = {name: [tuple(row) for row in fitted.encode(lines[name])] for name in SPLITS}
    longest = max_len or min(LONGEST, max(map(len, ids["train"])))
    ids = {name: _fitting(ids[name], longest, name, notes) for name in SPLITS}
    if not sampled:
        ids = _disjoint(ids, notes, lambda row: fitted.unk not in row)
    _check_enough(ids["train"], found, notes)

    length = longest + (fitted.vocab.eos is not None)
    splits = {name: _split(ids[name], fitted, length, name, notes) for name in SPLITS}
    return Corpus(**splits, tokenizer=fitted, oracle=source.oracle(fitted), max_len=length, notes=notes)


def _not_empty(lines: Sequence[str], name: str, notes: dict[str, int]) -> list[str]:
    kept = [line for line in lines if line and not line.isspace()]
    count(notes, f"{name}: empty lines left out", len(lines) - len(kept))
    return kept


def _disjoint(
    splits: Mapping[str, list[Line]], notes: dict[str, int], comparable: Callable[[Line], bool] = lambda line: True
) -> dict[str, list[Line]]:
    """Removes lines that are in several splits: test keeps them before validation, and validation before train.

    Lines that are not `comparable`, because they have unknown words, are never considered equal.
    """
    kept: dict[str, list[Line]] = {}
    taken: set[Line] = set()
    for name in reversed(SPLITS):
        kept[name] = [line for line in splits[name] if line not in taken]
        where = "test" if name == "validation" else "validation or test"
        count(notes, f"{name}: lines that are also in {where}, left out", len(splits[name]) - len(kept[name]))
        taken.update(line for line in kept[name] if comparable(line))
    return kept


def _fitting(rows: list[tuple[int, ...]], longest: int, name: str, notes: dict[str, int]) -> list[tuple[int, ...]]:
    not_empty = [row for row in rows if row]
    kept = [row for row in not_empty if len(row) <= longest]
    count(notes, f"{name}: empty lines left out", len(rows) - len(not_empty))
    count(notes, f"{name}: lines of more than {longest} tokens left out", len(not_empty) - len(kept))
    return kept


def _check_enough(train: Sequence[object], found: int, notes: Mapping[str, int]) -> None:
    if len(train) < FEWEST:
        why = "; ".join(f"{name}: {number}" for name, number in notes.items() if not name.startswith(SPLITS[1:]))
        raise UserError(
            f"data: {len(train)} of {found} lines are left to train on"
            + (f" ({why})" if why else "")
            + f"; expected at least {FEWEST}; give more text, a larger max_len, or other validation and test data"
        )


def _split(rows: list[tuple[int, ...]], tokenizer: Tokenizer, length: int, name: str, notes: dict[str, int]) -> Split:
    batch = tokenizer.pad(rows, length)
    if tokenizer.unk is not None:
        unknown = batch.valid & (batch.tokens == tokenizer.unk)  # [N,T]
        count(notes, f"{name}: unknown words", int(unknown.sum()))
        count(notes, f"{name}: lines with unknown words", int(unknown.any(1).sum()))
        if tokenizer.unk in tokenizer.vocab.forbidden_ids:
            batch = replace(batch, given=unknown)
    return Split(batch, tokenizer.decode(batch.tokens, batch.valid))
