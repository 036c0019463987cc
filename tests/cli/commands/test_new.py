"""`textgan new`."""

from __future__ import annotations

from pathlib import Path


def test_new_plugin_prints_the_files(textgan, tmp_path):
    code, out, _ = textgan("new", "plugin", "mine", "--in", tmp_path)
    assert code == 0
    files = [Path(line.removeprefix("wrote ")) for line in out.splitlines()]
    assert files
    assert all(file.is_file() and file.is_relative_to(tmp_path / "mine") for file in files)
    assert textgan("new", "plugin", "mine", "--in", tmp_path)[0] == 2


def test_a_taken_folder_is_refused(textgan, tmp_path):
    (tmp_path / "mine").mkdir()
    code, out, err = textgan("new", "plugin", "mine", "--in", tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith(f"textgan: {tmp_path / 'mine'}: already exists; nothing was written")


def test_an_invalid_name_is_refused(textgan, tmp_path):
    code, _, err = textgan("new", "plugin", "my-idea", "--in", tmp_path)
    assert code == 2
    assert err.startswith("textgan: NAME=my-idea: not a valid module name; expected lower-case letters")
    assert 'such as "my_idea"' in err
