"""Rows of files, and how one file becomes three splits."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from textgan.core.errors import UserError
from textgan.data.readers import (
    BAD,
    Origin,
    count,
    divide,
    existing,
    first_line,
    is_bad,
    suffix,
    table_rows,
    text_lines,
    texts,
)

SHARES = {"validation": 0.1, "test": 0.2}


def origin(path: Path) -> Origin:
    return Origin("data.path", str(path))


def test_an_origin_is_what_the_user_typed() -> None:
    assert str(Origin("data.test", "a b.txt")) == "data.test=a b.txt"


def test_a_file_is_found_in_the_home_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("text\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert existing(Origin("data.path", "~/a.txt")) == tmp_path / "a.txt"


def test_unusable_files_are_named_with_their_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "locked.txt").write_text("a")
    monkeypatch.setattr("textgan.data.readers.os.access", lambda path, mode: path.name != "locked.txt")
    for path, message in {
        tmp_path: f"is a folder; expected a file in it, such as {tmp_path}/empty.txt",
        tmp_path / "empt.txt": 'file not found; expected an existing file; did you mean "empty.txt"?',
        tmp_path / "no" / "a.txt": f"folder not found: {tmp_path}/no; expected an existing file",
        tmp_path / "empty.txt": "the file is empty; expected one text a line",
        tmp_path / "locked.txt": "permission denied; expected a file that this user may read",
    }.items():
        with pytest.raises(UserError) as caught:
            existing(origin(path))
        assert str(caught.value) == f"data.path={path}: {message}"


@pytest.mark.parametrize(
    ("path", "expected"), [("a.JSONL.gz", ".jsonl"), ("a.txt", ".txt"), ("a", ""), ("a.b/c.csv", ".csv"), ("x.gz", "")]
)
def test_the_suffix_determines_the_format(path: str, expected: str) -> None:
    assert suffix(path) == expected


def test_lines_keep_their_numbers_and_show_what_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"\xef\xbb\xbfone\r\n\nf\xfcnf\nlast")
    assert text_lines(origin(file)) == ["one", "", f"f{BAD}nf", "last"]
    packed = tmp_path / "a.txt.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert text_lines(origin(packed)) == text_lines(origin(file))


@pytest.mark.parametrize(("line", "bad"), [("text", False), (f"a{BAD}", True), ("a\0b", True), ("", False)])
def test_lines_that_are_not_text(line: str, bad: bool) -> None:
    assert is_bad(line) is bad


def test_a_damaged_archive_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "a.txt.gz"
    file.write_bytes(gzip.compress(b"text\n" * 1000)[:-20])
    with pytest.raises(UserError, match=r"^data\.path=.*a\.txt\.gz: cannot be read: "):
        text_lines(origin(file))


def test_a_column_of_a_table(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,text\n1,a cat\n2,NA\n")
    assert table_rows(origin(file), "text") == ["a cat", "NA"]
    with pytest.raises(UserError, match=r"has the columns id, text; choose one, such as data\.column=id"):
        table_rows(origin(file), None)
    with pytest.raises(
        UserError, match=r"^data\.column=words: not a column of data\.path=.*; expected one of id, text"
    ):
        table_rows(origin(file), "words")


def test_texts_are_stripped_and_what_is_left_out_is_counted() -> None:
    notes: dict[str, int] = {}
    assert texts([" a ", "b\nc", None, "", f"x{BAD}"], "here", notes) == ["a", "b c"]
    assert notes == {"lines that are not UTF-8, left out": 1, "empty lines left out": 2}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", 3], "here: row 2: expected text, found int; name a column of text, or use data.name=tokens"),
        (
            [f"{BAD}", f"b{BAD}", "c"],
            "here: not UTF-8: 2 of 3 lines cannot be decoded, the first is line 1; save the file",
        ),
        (["", " "], "here: no line with text in it; expected one text a line"),
    ],
)
def test_values_that_are_not_text_are_rejected(values: list[object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        texts(values, "here", {})
    assert str(caught.value).startswith(message)


def test_a_file_is_divided_by_the_seed() -> None:
    rows = [f"row {n}" for n in range(50)]
    splits = divide(rows, None, None, SHARES, 1)
    assert [len(split) for split in splits] == [35, 5, 10]
    assert sorted(row for split in splits for row in split) == sorted(rows)
    assert all(split == [row for row in rows if row in split] for split in splits), "the order of the file is kept"
    assert divide(rows, None, None, SHARES, 1) == splits != divide(rows, None, None, SHARES, 2)


def test_equal_rows_are_in_one_split() -> None:
    splits = divide(["a", "b", "c", "d"] * 5, None, None, {"validation": 0.25, "test": 0.25}, 1)
    assert [len(split) for split in splits] == [10, 5, 5]
    assert not set(splits.train) & set(splits.test)


def test_a_split_with_rows_of_its_own_takes_none_of_the_others() -> None:
    rows = list("abcdefghij")
    assert divide(rows, ["x"], ["y", "z"], SHARES, 1) == (rows, ["x"], ["y", "z"])
    assert divide(rows, None, [], {"validation": 0, "test": 0.2}, 1) == (rows, [], [])


def test_a_small_share_gets_a_row_and_a_large_one_is_rejected() -> None:
    assert [len(s) for s in divide(list("abc"), None, None, {"validation": 0.01, "test": 0.01}, 1)] == [1, 1, 1]
    with pytest.raises(UserError) as caught:
        divide(list("ab"), None, None, SHARES, 1)
    assert str(caught.value) == (
        "data.validation_share=0.1 data.test_share=0.2: leaves no row of 2 to train on; "
        "expected smaller shares or more text"
    )


def test_notes_are_added_up_and_zero_leaves_none() -> None:
    notes = {"a": 1}
    count(notes, "a", 2)
    count(notes, "b", 0)
    assert notes == {"a": 3}


def test_the_first_line_of_an_error() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
