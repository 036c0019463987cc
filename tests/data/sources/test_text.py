from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import datasets
import pytest

from textgan.data.sources.text import TextFiles
from textgan.core.errors import UserError
from textgan.data.interfaces import Raw

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


def test_shares_are_drawn_by_the_seed(text: str) -> None:
    raw = TextFiles(text).read(1)
    assert (len(raw.train), len(raw.validation), len(raw.test)) == (85, 5, 10)
    assert everything(raw) == sorted(LINES)
    assert list(raw.train) == [line for line in LINES if line in set(raw.train)]
    assert list(raw.test[:3]) == ["line number 5", "line number 21", "line number 29"]  # in every process
    assert TextFiles(text).read(1) == raw
    assert TextFiles(text).read(2).test != raw.test


def test_equal_lines_go_to_one_split(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\n".join(random.Random(1).choices(LINES, k=1000)))
    raw = TextFiles(path, test_share=0.3).read(1)
    assert len(everything(raw)) == 1000
    assert not set(raw.train) & {*raw.test, *raw.validation}
    assert not set(raw.test) & set(raw.validation)


def test_files_of_their_own_are_used_whole(text: str, tmp_path: Path) -> None:
    test = write(tmp_path / "test.txt", "one\ntwo\n")
    raw = TextFiles(text, test=test, validation_share=0, limit=50).read(1)
    assert (raw.train, raw.validation, raw.test) == (LINES[:50], [], ["one", "two"])


def test_every_format_reads_the_same(tmp_path: Path) -> None:
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
    ("name", "content", "says"),
    [
        ("empty.txt", "", "is empty"),
        ("blank.txt", "\n \n\t\n", "no line with text"),
        ("latin.txt", "fünf\nzwölf\nabc".encode("latin1"), r"not UTF-8: 2 of 3 lines .* line 1"),
        ("wide.txt", "some text\nmore text\n".encode("utf-16"), "not UTF-8"),
        ("two.csv", "id,caption\n1,a cat\n", "columns id, caption; say which"),
        ("wrong.jsonl", '{"texts": "a", "id": 1}', 'no column text; did you mean "texts"'),
        ("numbers.jsonl", '{"text": 1}\n{"text": 2}', "row 1: expected text, found int"),
        ("broken.jsonl", '{"text": "a"}\n{"text": ', "could not be read as jsonl"),
        ("broken.parquet", "no parquet at all", "could not be read as parquet"),
        ("broken.txt.gz", "no gzip at all", "could not be read"),
        ("tiny.txt", "one\ntwo\n", "too few"),
    ],
)
def test_a_bad_file_is_one_clear_sentence(name: str, content: str | bytes, says: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, content)
    column = "text" if name in {"wrong.jsonl", "numbers.jsonl", "broken.jsonl"} else None
    with pytest.raises(UserError, match=says) as caught:
        TextFiles(path, column=column).read(1)
    assert "\n" not in str(caught.value)
    assert name == "tiny.txt" or path in str(caught.value)


def test_a_missing_file_names_the_nearest(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'txet\.txt: there is no such file; did you mean "text\.txt"'):
        TextFiles(str(tmp_path / "txet.txt")).read(1)
    with pytest.raises(UserError, match="there is no folder"):
        TextFiles(str(tmp_path / "none" / "text.txt")).read(1)
    with pytest.raises(UserError, match=r"is a folder; name a file in it, such as .*text\.txt"):
        TextFiles(str(tmp_path)).read(1)
