from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from textgan.core.errors import Failure, UserError
from textgan.runs.run_dir import RunDir, new_folder, read_json, refuse_taken


def entry(global_round: int, kind: str = "train") -> dict[str, object]:
    return {"global_round": global_round, "phase": "p", "round": global_round, "kind": kind}


def test_a_new_folder_is_created_with_its_parents(tmp_path: Path) -> None:
    assert RunDir.create(tmp_path / "a/b").path.is_dir()
    RunDir.create(tmp_path / "a/b")  # an empty folder is fine


def test_a_folder_that_cannot_be_created_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="could not be written"):
        RunDir.ensure(tmp_path / "file/run")


@pytest.mark.parametrize(
    ("name", "message"), [("recipe.yaml", "holds a run"), ("notes.txt", "exists and is not empty")]
)
def test_a_folder_with_files_is_not_taken(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(UserError, match=rf"{message}; nothing was changed"):
        RunDir.create(tmp_path)


def test_a_lock_alone_does_not_take_a_folder_but_a_file_does(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text("")
    refuse_taken(tmp_path)
    with pytest.raises(UserError, match="exists and is not empty"):
        refuse_taken(tmp_path / ".lock")


def test_only_a_folder_with_a_recipe_can_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="folder not found"):
        RunDir.open(tmp_path / "nothing")
    with pytest.raises(UserError, match="not a run"):
        RunDir.open(tmp_path)
    (tmp_path / "recipe.yaml").write_text("")
    assert RunDir.open(tmp_path).path == tmp_path


LOCK = """
import sys
from pathlib import Path
from textgan.core.errors import UserError
from textgan.runs.run_dir import RunDir
try:
    with RunDir(Path(sys.argv[1])).locked():
        print("locked")
except UserError as error:
    print(error)
"""


def test_another_process_cannot_lock_a_locked_folder(tmp_path: Path) -> None:
    def other() -> str:
        return subprocess.run([sys.executable, "-c", LOCK, str(tmp_path)], capture_output=True, text=True).stdout

    with RunDir(tmp_path).locked():
        assert "another process is running this run; nothing was changed" in other()
    assert other().strip() == "locked"


def test_files_are_written_and_read(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    folder.write("deep/table.json", {"é": [1.5]})
    assert folder.read("deep/table.json") == {"é": [1.5]}
    assert "é" in (tmp_path / "deep/table.json").read_text(encoding="utf-8")
    folder.write("recipe.yaml", "data: text\n")
    assert (tmp_path / "recipe.yaml").read_text() == "data: text\n"
    folder.log("hello")
    assert (tmp_path / "log.txt").read_text().endswith("  hello\n")


@pytest.mark.parametrize("content", [None, "{", "\xff"])
def test_an_unreadable_json_file_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "data.json").write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=r"data\.json cannot be read or is damaged"):
        read_json(tmp_path / "data.json")


def test_metrics_are_appended(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    assert folder.entries() == []
    for i in range(3):
        folder.append(entry(i))
    assert folder.entries() == [entry(0), entry(1), entry(2)]


def test_rewinding_deletes_later_metrics_samples_and_an_incomplete_line(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    folder.rewind(0)  # a folder without metrics is left alone
    for i in range(4):
        folder.append(entry(i))
        folder.write_samples(i, ["a b"])
    (tmp_path / "samples/notes.txt").write_text("mine")
    with folder.metrics.open("a") as stream:
        stream.write('{"global_round": 1, "pha')
    folder.rewind(1)
    assert folder.entries() == [entry(0), entry(1)]
    assert sorted(file.name for file in (tmp_path / "samples").iterdir()) == ["000000.txt", "000001.txt", "notes.txt"]
    folder.rewind(-1)
    assert folder.entries() == []


def test_samples_are_one_a_line_with_visible_control_characters(tmp_path: Path) -> None:
    RunDir(tmp_path).write_samples(7, ["a\tb\x1b[31m", "c\nd"])
    lines = (tmp_path / "samples/000007.txt").read_text().splitlines()
    assert len(lines) == 2
    assert "\x1b" not in "".join(lines)


def test_checkpoints_are_sorted_by_number(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    assert folder.saved() == []
    for global_round in (1_000_000, 999_999):
        folder.checkpoint(global_round).mkdir(parents=True)
    (folder.checkpoints / ".000003.part").mkdir()
    assert [int(path.name) for path in folder.saved()] == [999_999, 1_000_000]


def test_new_folders_do_not_exist_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.strftime", lambda form: "20260131-142501")
    names = []
    for _ in range(3):
        folder = new_folder("seqgan", tmp_path)
        folder.mkdir()
        names.append(folder.name)
    assert names == ["seqgan-20260131-142501", "seqgan-20260131-142501-2", "seqgan-20260131-142501-3"]
