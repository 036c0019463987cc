"""What a run trains and is measured on: encoded splits, the tokenizer, and the truth where it is known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from textgan.data.readers import count
from textgan.data.tokenizers.base import Tokenizer
from textgan.data.tokenizers.builtin import word
from textgan.core.errors import UserError
from textgan.data.interfaces import Oracle, Source
from textgan.core.types import Batch, Vocabulary

Line = TypeVar("Line", bound=Hashable)
SPLITS = ("train", "validation", "test")
LONGEST = 128
"""Tokens that a line may have where no max_len is given."""
FEWEST = 10
"""Lines without which there is nothing to train on."""
KNOWN = frozenset({"oracle", "grammar"})
"""Sources that provide these draw their splits independently from a known law: what two splits share, they
share by chance, and to take it out would bend the law."""


@dataclass(frozen=True)
class Split:
    """One of train, validation and test.

    Args:
        batch: all its sequences, [N,T], on the CPU. An unknown word of validation or test is `given` where no
            generator may say <unk>: it is shown, and nobody is measured by what they could not have said.
        texts: the same N, decoded from the ids (so an unknown word reads as the unknown token).
    """

    batch: Batch
    texts: Sequence[str]


@dataclass(frozen=True)
class Corpus:
    """Everything that data turns into.

    Args:
        train, validation, test: disjoint splits.
        tokenizer: text <-> ids.
        oracle: the known distribution, or None.
        max_len: T, the end-of-sequence id included.
        notes: what was left out or changed on the way, counted.
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
        return self.tokenizer.vocab

    def fingerprint(self) -> str:
        """The same for the same ids in the same order under the same vocabulary."""
        digest = hashlib.sha256(repr(self.vocab).encode())
        for name in SPLITS:
            digest.update(getattr(self, name).batch.tokens.numpy().tobytes())
        return digest.hexdigest()

    def summary(self) -> dict[str, object]:
        """Sizes, and what was left out, for a person to read and for JSON."""
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

    No line of test stands in validation or train, and none of validation in train, neither as it is written
    nor as it is encoded, unless they were drawn from a known distribution. Duplicates within a split stay:
    they are the distribution. Nothing is learned from validation and test.

    Args:
        source: where text comes from.
        tokenizer: makes a tokenizer from training texts; None is `word`. A source of ready ids brings its
            own.
        max_len: longest sequence in tokens, without the end-of-sequence id; longer lines are left out and
            counted. None is that of the longest training line, at most 128.
        seed: of what the source draws.

    Raises:
        UserError: if fewer than 10 lines are left to train on.
    """
    raw = source.read(seed)
    notes = dict(raw.notes)
    drawn = bool(source.capabilities & KNOWN)
    lines = {name: _spoken(getattr(raw, name), name, notes) for name in SPLITS}
    found = len(lines["train"])
    if not drawn:
        lines = _apart(lines, notes)
    _check_enough(lines["train"], found, notes)

    made = raw.tokenizer or (tokenizer or word)(lines["train"])
    ids = {name: [tuple(row) for row in made.encode(lines[name])] for name in SPLITS}
    longest = max_len or min(LONGEST, max(map(len, ids["train"])))
    ids = {name: _fitting(ids[name], longest, name, notes) for name in SPLITS}
    if not drawn:
        ids = _apart(ids, notes, lambda row: made.unk not in row)
    _check_enough(ids["train"], found, notes)

    length = longest + (made.vocab.eos is not None)
    splits = {name: _split(ids[name], made, length, name, notes) for name in SPLITS}
    return Corpus(**splits, tokenizer=made, oracle=source.oracle(made), max_len=length, notes=notes)


def _spoken(lines: Sequence[str], name: str, notes: dict[str, int]) -> list[str]:
    kept = [line for line in lines if line and not line.isspace()]
    count(notes, f"{name}: empty lines left out", len(lines) - len(kept))
    return kept


def _apart(
    splits: Mapping[str, list[Line]], notes: dict[str, int], clear: Callable[[Line], bool] = lambda line: True
) -> dict[str, list[Line]]:
    """No line in two splits: it stays in test before validation, and in validation before train.

    Lines that are not `clear`, because they hold unknown words, are never taken to be the same.
    """
    kept: dict[str, list[Line]] = {}
    taken: set[Line] = set()
    for name in reversed(SPLITS):
        kept[name] = [line for line in splits[name] if line not in taken]
        where = "test" if name == "validation" else "validation or test"
        count(notes, f"{name}: lines that stand in {where}, too, left out", len(splits[name]) - len(kept[name]))
        taken.update(line for line in kept[name] if clear(line))
    return kept


def _fitting(rows: list[tuple[int, ...]], longest: int, name: str, notes: dict[str, int]) -> list[tuple[int, ...]]:
    spelled = [row for row in rows if row]
    kept = [row for row in spelled if len(row) <= longest]
    count(notes, f"{name}: empty lines left out", len(rows) - len(spelled))
    count(notes, f"{name}: lines of more than {longest} tokens left out", len(spelled) - len(kept))
    return kept


def _check_enough(train: Sequence[object], found: int, notes: Mapping[str, int]) -> None:
    if len(train) < FEWEST:
        why = "; ".join(f"{name}: {number}" for name, number in notes.items() if not name.startswith(SPLITS[1:]))
        raise UserError(
            f"{len(train)} of {found} lines are left to train on, at least {FEWEST} are needed"
            + (f" ({why})" if why else "")
            + "; give more text, a larger max_len, or other validation and test data"
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
