"""The bundled recipes are short: one that extends another holds only its differences."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.paths import ROOT

FILES = sorted((ROOT / "recipes").rglob("*.yaml"))
OURS = [file for file in FILES if file.parent.name != "paper"]
MOST_LINES = 8


def code(file: Path) -> list[str]:
    """Returns the lines that are neither blank nor comments, without `extends` and the controls."""
    lines, in_controls = [], False
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith((" ", "-")):
            in_controls = line.startswith("controls:")
        if not in_controls and not line.startswith("extends:"):
            lines.append(line)
    return lines


EXTENDING = [file for file in OURS if "\nextends:" in file.read_text(encoding="utf-8")]


def name(file: Path) -> str:
    return file.relative_to(ROOT / "recipes").as_posix()


@pytest.mark.parametrize("file", EXTENDING, ids=name)
def test_a_recipe_differs_from_what_it_extends_by_a_few_lines(file: Path) -> None:
    assert 0 < len(code(file)) <= MOST_LINES


@pytest.mark.parametrize("file", FILES, ids=name)
def test_the_first_comment_is_a_summary_of_one_line(file: Path) -> None:
    first, second, *_ = file.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert first[2].isupper()
    assert first.endswith((".", "?"))
    assert 20 <= len(first) <= 120
    assert second == "#", "a blank comment line separates the summary from the rest"


@pytest.mark.parametrize("file", FILES, ids=name)
def test_the_header_says_how_to_run_it_and_what_to_expect(file: Path) -> None:
    header = file.read_text(encoding="utf-8").partition("\n\n")[0]
    path = name(file).removesuffix(".yaml")
    assert f"textgan run {path}" in header or f"textgan run recipes/{path}.yaml" in header
    if "finetune" not in path:
        assert "Time: " in header


def test_lines_are_counted_without_comments_extends_and_controls(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("# x\n\nextends: b\na: 1\nc:\n  # y\n  d: 2\ncontrols:\n  e:\n    f: 1\ng: [1,\n  2]\n")
    assert code(file) == ["a: 1", "c:", "  d: 2", "g: [1,", "  2]"]


@pytest.mark.parametrize("file", FILES, ids=name)
def test_plain_yaml_reads_it_too(file: Path) -> None:
    assert isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), dict)
