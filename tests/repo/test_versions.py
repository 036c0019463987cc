"""The version is set in pyproject.toml; every other place agrees with it."""

from __future__ import annotations

import re
import tomllib

import yaml
from support.paths import ROOT

import textgan

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_the_installed_version_is_the_one_in_pyproject() -> None:
    assert textgan.__version__ == VERSION, "install the checkout again: pip install -c constraints.txt -e ."


def test_the_citation_has_the_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == VERSION


def test_the_newest_heading_of_the_changelog_has_the_version() -> None:
    headings = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == VERSION
