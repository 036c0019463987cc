"""Files of ready ids."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from textgan.core.errors import UserError
from textgan.data.sources.tokens import TokenFiles

ROWS = [[n % 7, n, 3] for n in range(40)]


def write(path: Path, content: str) -> str:
    path.write_text(content)
    return str(path)


def test_all_formats_give_the_same_ids(tmp_path: Path) -> None:
    spaces = write(tmp_path / "a.txt", "\n".join(" ".join(map(str, row)) for row in ROWS) + "\n\n")
    commas = write(tmp_path / "b.txt", "\n".join(", ".join(map(str, row)) for row in ROWS))
    lists = write(tmp_path / "a.jsonl", "\n".join(json.dumps({"ids": row}) for row in ROWS))
    np.save(tmp_path / "a.npy", np.array(ROWS))
    raws = [TokenFiles(path).read(1) for path in (spaces, commas, lists, str(tmp_path / "a.npy"))]
    for raw in raws:
        assert (raw.train, raw.validation, raw.test) == (raws[0].train, raws[0].validation, raws[0].test)
        assert raw.tokenizer is not None
        assert raw.tokenizer.vocab.size == 40 + 3
        assert (raw.tokenizer.vocab.eos, raw.tokenizer.vocab.bos, raw.tokenizer.vocab.pad) == (40, 41, 42)
    assert raws[0].notes == {"empty lines left out": 1}
    ids = raws[0].tokenizer.encode(raws[0].train)
    assert ids == [row for row in ROWS if row in ids]


def test_the_size_may_exceed_the_largest_id(tmp_path: Path) -> None:
    raw = TokenFiles(write(tmp_path / "a.txt", "1 2\n" * 5 + "3 4\n" * 5), size=10, validation_share=0).read(1)
    assert raw.tokenizer is not None
    assert raw.tokenizer.vocab.size == 13


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 2\n3 x", "line 2: 'x' is not an id"),
        ("1 2\n3 -4", "line 2: '-4' is not an id"),
        ("1 2\n3 4.0", "line 2: '4.0' is not an id"),
        ("1 ٣", "line 1: '٣' is not an id"),
        ("1 2\n\n3 9", r"line 3: id 9 is too large for size=9; expected ids from 0 to 8"),
        ("\n\n", "no sequence of ids in it; expected one a line"),
    ],
)
def test_what_is_not_an_id_is_reported_with_its_line(content: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", content)
    with pytest.raises(UserError, match=message) as caught:
        TokenFiles(path, size=9).read(1)
    assert path in str(caught.value)


def test_arrays_are_checked(tmp_path: Path) -> None:
    for name, array in {
        "flat": np.arange(5),
        "floats": np.ones((3, 3)),
        "object": np.array([[[1]], "a"], dtype=object),
    }.items():
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=True)
        with pytest.raises(UserError, match=r"2-D array of integers|cannot be read as a numpy array"):
            TokenFiles(str(tmp_path / f"{name}.npy")).read(1)


@pytest.mark.parametrize("key", ["path", "validation", "test"])
def test_an_error_starts_with_the_option_that_names_the_file(key: str, tmp_path: Path) -> None:
    options = {"path": write(tmp_path / "a.txt", "1 2\n2 3\n"), key: "nope.txt"}
    with pytest.raises(UserError, match=rf"^data\.{key}=nope\.txt: file not found"):
        TokenFiles(**options).read(1)  # type: ignore[arg-type]
