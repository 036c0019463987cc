"""Text files and tables of text."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import datasets
import pytest

from textgan.core.errors import UserError
from textgan.data.interfaces import Raw
from textgan.data.sources.text import TextFiles

LINES = [f"line number {n}" for n in range(100)]


def write(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def everything(raw: Raw) -> list[str]:
    return sorted([*raw.train, *raw.validation, *raw.test])


@pytest.fixture(autouse=True)
def _quiet() -> None:
    datasets.disable_progress_bars()


@pytest.fixture
def text(tmp_path: Path) -> str:
    return write(tmp_path / "text.txt", "\n".join(LINES) + "\n")


def test_the_seed_determines_the_splits(text: str) -> None:
    raw = TextFiles(text).read(1)
    assert (len(raw.train), len(raw.validation), len(raw.test)) == (85, 5, 10)
    assert everything(raw) == sorted(LINES)
    assert list(raw.train) == [line for line in LINES if line in set(raw.train)]
    assert list(raw.test[:3]) == ["line number 5", "line number 21", "line number 29"]  # the same in every process
    assert TextFiles(text).read(1) == raw
    assert TextFiles(text).read(2).test != raw.test


def test_equal_lines_go_to_one_split(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\n".join(random.Random(1).choices(LINES, k=1000)))
    raw = TextFiles(path, test_share=0.3).read(1)
    assert len(everything(raw)) == 1000
    assert not set(raw.train) & {*raw.test, *raw.validation}
    assert not set(raw.test) & set(raw.validation)


def test_a_file_of_its_own_is_used_as_a_whole_split(text: str, tmp_path: Path) -> None:
    test = write(tmp_path / "test.txt", "one\ntwo\n")
    raw = TextFiles(text, test=test, validation_share=0, limit=50).read(1)
    assert (raw.train, raw.validation, raw.test) == (LINES[:50], [], ["one", "two"])


def test_all_formats_give_the_same_texts(tmp_path: Path) -> None:
    rows = [{"id": n, "text": line} for n, line in enumerate([*LINES, "null", 'NA, "x"', "zwölf"])]
    lines = [str(row["text"]) for row in rows]
    table = datasets.Dataset.from_list(rows)
    table.to_parquet(str(tmp_path / "a.parquet"))
    table.to_csv(str(tmp_path / "a.csv"), index=False)
    table.to_csv(str(tmp_path / "a.tsv"), index=False, sep="\t")
    write(tmp_path / "a.json", json.dumps(rows))
    write(tmp_path / "a.jsonl", "\n".join(json.dumps(row) for row in rows))
    write(tmp_path / "a.jsonl.gz", gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    write(tmp_path / "a.csv.gz", gzip.compress((tmp_path / "a.csv").read_bytes()))
    write(tmp_path / "a.txt.gz", gzip.compress("\r\n".join(lines).encode()))
    write(tmp_path / "a.captions", "\ufeff" + "\n".join(lines))
    before, cache = sorted(tmp_path.iterdir()), Path(datasets.config.HF_DATASETS_CACHE)
    cached = sorted(cache.rglob("*")) if cache.exists() else []
    for file in before:
        column = None if ".txt" in file.name or ".captions" in file.name else "text"
        raw = TextFiles(str(file), column=column, test_share=0, validation_share=0).read(1)
        assert raw.train == lines, file
    assert sorted(tmp_path.iterdir()) == before
    assert (sorted(cache.rglob("*")) if cache.exists() else []) == cached


def test_the_only_column_needs_no_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "caption\n" + "\n".join(LINES))
    assert everything(TextFiles(path).read(1)) == sorted(LINES)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    body = "\n".join(LINES).encode()
    raw = TextFiles(write(tmp_path / "a.txt", b"\n  \nf\xfcnf\n" + body + b"\n\n")).read(1)
    assert everything(raw) == sorted(LINES)
    assert raw.notes == {"lines that are not UTF-8, left out": 1, "empty lines left out": 3}
    rows = [{"text": None}, {"text": "a\nb\u2028c"}, {"text": ""}, *({"text": line} for line in LINES)]
    raw = TextFiles(write(tmp_path / "b.jsonl", "\n".join(map(json.dumps, rows)))).read(1)
    assert everything(raw) == sorted(["a b c", *LINES])
    assert raw.notes == {"empty lines left out": 2}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", "", "the file is empty; expected one text a line"),
        ("blank.txt", "\n \n\t\n", "no line with text in it"),
        ("latin.txt", "fünf\nzwölf\nabc".encode("latin1"), r"not UTF-8: 2 of 3 lines .* line 1"),
        ("wide.txt", "some text\nmore text\n".encode("utf-16"), "not UTF-8"),
        ("two.csv", "id,caption\n1,a cat\n", r"has the columns id, caption; choose one, such as data\.column=id"),
        (
            "wrong.jsonl",
            '{"texts": "a", "id": 1}',
            r'data\.column=text: not a column of data\.path=.*; did you mean "texts"',
        ),
        ("numbers.jsonl", '{"text": 1}\n{"text": 2}', "row 1: expected text, found int"),
        ("broken.jsonl", '{"text": "a"}\n{"text": ', "cannot be read as jsonl"),
        ("broken.parquet", "no parquet at all", "cannot be read as parquet"),
        ("broken.txt.gz", "no gzip at all", "cannot be read"),
        (
            "tiny.txt",
            "one\ntwo\n",
            r"data\.validation_share=0\.05 data\.test_share=0\.1: leaves no row of 2 to train on",
        ),
    ],
)
def test_a_bad_file_is_one_clear_sentence(name: str, content: str | bytes, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, content)
    column = "text" if name in {"wrong.jsonl", "numbers.jsonl", "broken.jsonl"} else None
    with pytest.raises(UserError, match=message) as caught:
        TextFiles(path, column=column).read(1)
    assert "\n" not in str(caught.value)
    assert name == "tiny.txt" or path in str(caught.value)


def test_a_missing_file_is_answered_with_the_nearest_name(text: str, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r'^data\.path=.*txet\.txt: file not found; expected an existing file; did you mean "text\.txt"'
    ):
        TextFiles(str(tmp_path / "txet.txt")).read(1)
    with pytest.raises(UserError, match=r"folder not found: .*none; expected an existing file"):
        TextFiles(str(tmp_path / "none" / "text.txt")).read(1)
    with pytest.raises(UserError, match=r"is a folder; expected a file in it, such as .*text\.txt"):
        TextFiles(str(tmp_path)).read(1)


@pytest.mark.parametrize("key", ["path", "validation", "test"])
def test_an_error_starts_with_the_option_that_names_the_file(key: str, text: str) -> None:
    options = {"path": text, key: "nope.txt"}
    with pytest.raises(UserError) as caught:
        TextFiles(**options).read(1)  # type: ignore[arg-type]
    assert str(caught.value) == f"data.{key}=nope.txt: file not found; expected an existing file"
