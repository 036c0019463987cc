"""The generated recipe reference describes types and traits in plain words, and links to it lead somewhere."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

from textgan.core import registry, spec

SCRIPT = runpy.run_path(str(ROOT / "scripts/reference.py"))
LINK = re.compile(r"\]\((?:[\w./]*/)?reference/([a-z]+)\.md(?:#(\w+))?\)|\]\(([a-z]+)\.md#(\w+)\)")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return dict(SCRIPT["generate"]())


def test_every_trait_has_a_sentence() -> None:
    own = [spec.read(c) for c in registry.components() if c.provider == "textgan"]
    assert {name for known in own for name in known.traits} <= SCRIPT["SENTENCES"].keys()


def test_every_option_is_documented() -> None:
    own = [spec.read(c) for c in registry.components() if c.provider == "textgan"]
    options = [(known.component, option) for known in own for option in known.options.values()]
    assert [f"{component.name}.{option.name}" for component, option in options if not option.doc] == []


def test_a_component_has_its_options_traits_and_provider(pages: dict[str, str]) -> None:
    _, _, section = pages["estimators.md"].partition("\n## rollout\n")
    section = section.partition("\n## ")[0]
    for line in (
        "| `rollouts` | whole number, 1 or more | `16` |",
        "- Requires a generator with `rollouts`.",
        "- Accepts one reward per sequence.",
        "Provided by textgan: `textgan.estimators.rollout:Rollout`.",
    ):
        assert line in section


def test_links_to_the_reference_lead_to_a_heading(pages: dict[str, str]) -> None:
    anchors = {name: re.findall(r"^## (\w+)$", text, re.MULTILINE) for name, text in pages.items()}
    texts = {file: file.read_text(encoding="utf-8") for file in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]}
    texts |= {ROOT / "docs/reference" / name: text for name, text in pages.items()}
    dead = [
        f"{file.relative_to(ROOT)}: {page or near}.md#{anchor or near_anchor}"
        for file, text in texts.items()
        for page, anchor, near, near_anchor in LINK.findall(text)
        if page or file.parent.name == "reference"
        if f"{page or near}.md" not in anchors
        or (anchor or near_anchor or None) not in (None, *anchors[f"{page or near}.md"])
    ]
    assert dead == []


def test_check_detects_pages_that_are_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reference(*options: str) -> int:
        monkeypatch.setattr(sys, "argv", ["reference.py", str(tmp_path), *options])
        code: int = SCRIPT["main"]()
        return code

    assert reference() == 0
    assert reference("--check") == 0
    (tmp_path / "losses.md").write_text("old", encoding="utf-8")
    (tmp_path / "removed.md").write_text("", encoding="utf-8")
    assert reference("--check") == 1
    assert "out of date: losses.md, removed.md" in capsys.readouterr().err
