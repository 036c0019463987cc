"""`textgan init`."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgan.recipe import bundled, load


def test_init_never_overwrites(textgan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert textgan("init")[0] == 0
    assert Path("seqgan.yaml").read_text() == bundled()["seqgan"].read_text()
    Path("seqgan.yaml").write_text("mine")
    code, out, err = textgan("init", "seqgan")
    assert (code, out) == (2, "")
    assert "nothing was written" in err
    assert Path("seqgan.yaml").read_text() == "mine"
    assert textgan("init", "seqgan", "other.yaml")[0] == 0
    assert 'did you mean "seqgan"' in textgan("init", "seqgn")[2]


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_copy_is_valid(textgan, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert textgan("init", name, "mine.yaml")[0] == 0
    assert textgan("check", "mine.yaml")[0] == 0


def test_a_copy_is_equal_to_the_bundled_recipe(textgan, tmp_path, monkeypatch):
    """`extends: seqgan.yaml` means another recipe in paper/ than in other folders."""
    monkeypatch.chdir(tmp_path)
    for name in ("paper/seqgan-short", "paper/rankgan", "paper/maskgan", "rankgan"):
        file = f"{name.replace('/', '-')}.yaml"
        assert textgan("init", name, file)[0] == 0
        assert load(file).filled == load(name).filled


def test_a_file_that_cannot_be_written(textgan, tmp_path):
    file = tmp_path / "missing" / "mine.yaml"
    code, out, err = textgan("init", "seqgan", file)
    assert (code, out) == (2, "")
    assert err == f"textgan: FILE={file}: cannot be written: No such file or directory; choose another file\n"


def test_an_unknown_recipe(textgan):
    err = textgan("init", "seqgn")[2]
    assert err.startswith("textgan: NAME=seqgn: unknown recipe; expected one of ")
    assert 'did you mean "seqgan"' in err


def test_a_name_may_end_in_yaml(textgan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert textgan("init", "paper/seqgan.yaml")[1] == "wrote seqgan.yaml; next: textgan run seqgan.yaml\n"
