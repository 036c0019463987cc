"""Examples in the documentation are valid: commands and options exist, complete recipes load, Python compiles."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from support.paths import ROOT

from textgan import recipe
from textgan.cli.group import textgan
from textgan.core import registry
from textgan.core.errors import UserError

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(textgan [a-z][^`]*)`")


class Block(NamedTuple):
    """A fenced block: its page, its language, the name of the file that it shows, and its text."""

    page: Path
    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(page, *match.groups(default="")) for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]


BLOCKS = [block for page in PAGES for block in blocks(page)]


def commands(page: Path) -> Iterator[str]:
    """Yields every line of a shell block and every piece of inline code that calls textgan."""
    for block in blocks(page):
        lines = block.text.splitlines() if block.language in ("sh", "console") else []
        yield from (line.removeprefix("$ ") for line in lines if line.removeprefix("$ ").startswith("textgan "))
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    yield from INLINE.findall(text)


def walk(words: list[str]) -> tuple[click.Command, list[str]]:
    """Returns the command that a line calls, and its arguments."""
    command: click.Command = textgan
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def arguments(command: click.Command, words: list[str]) -> list[str]:
    """Returns the positional arguments. Fails if an option does not exist or refuses its value."""
    context = click.Context(command, help_option_names=["-h", "--help"])  # click uses the first names that it is given
    options = {name: p for p in command.get_params(context) for name in (*p.opts, *p.secondary_opts)}
    found, rest = [], iter(words)
    for word in rest:
        if not word.startswith("-"):
            found.append(word)
            continue
        assert word in options, f"{command.name} has no option {word}"
        option = options[word]
        if not getattr(option, "is_flag", False) and word != "--help":
            option.type.convert(next(rest), option, context)
    return found


@pytest.fixture
def example_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Writes the files that the pages show to a folder, and restores the registry afterwards."""
    for block in BLOCKS:
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("extends: seqgan\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_added", [])
    return tmp_path


CALLS = [(page, line) for page in PAGES for line in dict.fromkeys(commands(page))]


@pytest.mark.parametrize(("page", "line"), CALLS, ids=[f"{page.relative_to(ROOT)}:{line}" for page, line in CALLS])
def test_commands_exist(page: Path, line: str, example_folder: Path) -> None:
    words = shlex.split(line.split(" > ")[0], comments=True)[1:]
    command, rest = walk(words)
    if "--plugin" in rest:
        registry.load_plugin(example_folder / rest[rest.index("--plugin") + 1])
    given = arguments(command, rest)
    if command.name in ("run", "check") and given and given[0] != "recipe.yaml":
        try:
            recipe.load(given[0], given[1:], controls="--no-controls" not in rest)
        except UserError:
            assert given[0] in ("wrong.yaml", "ids.yaml"), "only these two are shown as invalid"
            check_transcript(given[0], page)
    elif command.name == "show" and given not in ([], ["NAME"]):
        known = {c.name for c in registry.components()} | set(recipe.bundled())
        assert given[0] in known
    elif command.name == "list" and given:
        assert given[0] in {*registry.KINDS, *registry.KINDS.values(), "recipes"}


def check_transcript(name: str, page: Path) -> None:
    """Checks that the page shows the error messages of an invalid recipe."""
    with pytest.raises(UserError) as raised:
        recipe.load(name)
    shown = [block.text for block in blocks(page) if block.language == "console"]
    assert any(f"$ textgan check {name}\n{raised.value}\n" == text for text in shown)


COMPLETE = [b for b in BLOCKS if b.language == "yaml" and re.search(r"^(extends|phases):", b.text, re.MULTILINE)]


@pytest.mark.parametrize(
    "block", [b for b in COMPLETE if b.file not in ("wrong.yaml", "ids.yaml")], ids=lambda b: b.file or b.text[:20]
)
def test_complete_recipes_load(block: Block, example_folder: Path) -> None:
    file = example_folder / (block.file or "snippet.yaml")
    file.write_text(block.text, encoding="utf-8")
    assert recipe.load(file).filled["phases"]


def test_parts_of_recipes_fit_one(example_folder: Path) -> None:
    """A snippet that is not a complete recipe can be merged into `seqgan`."""
    parts = [b for b in BLOCKS if b.language == "yaml" and b not in COMPLETE]
    assert parts
    for block in parts:
        (example_folder / "part.yaml").write_text(f"extends: seqgan\n{block.text}", encoding="utf-8")
        recipe.load(example_folder / "part.yaml")


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=lambda b: b.text[:30])
def test_python_compiles(block: Block) -> None:
    text = re.sub(
        r'^--8<-- "(.+)"$', lambda m: (ROOT / "docs" / m[1]).read_text("utf-8"), block.text, flags=re.MULTILINE
    )
    compile(text, str(block.page), "exec")


def test_the_estimator_of_the_plugin_page_passes_and_its_wrong_version_fails_as_shown(example_folder: Path) -> None:
    from textgan.testing import check_estimator

    registry.load_plugin(example_folder / "self_critical.py")
    correct = registry.find("estimator", "self_critical").load()
    check_estimator(lambda generator: correct())
    file = (example_folder / "self_critical.py").read_text(encoding="utf-8")
    good = "loss = generator.policy_loss(samples, advantage)\n"
    bad = next(b.text for b in BLOCKS if b.language == "python" and b.text.startswith("loss = -"))
    assert good in file
    (example_folder / "self_critical.py").write_text(file.replace(good, bad), encoding="utf-8")
    registry.load_plugin(example_folder / "self_critical.py")
    wrong = registry.find("estimator", "self_critical").load()
    with pytest.raises(AssertionError, match=r"scale 0\.249 of the exact gradient") as raised:
        check_estimator(lambda generator: wrong())
    page = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
    assert " ".join(str(raised.value).split()) in " ".join(page.split())


def described(page: str) -> dict[str, str]:
    """Returns number -> its direction, from the tables of a page; "" if there is none. `a2` ... `a4` are three."""
    found = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) in (3, 4) and cells[0].startswith("`"):
            better = cells[1] if len(cells) == 4 else ""
            names = re.findall(r"`(\w+)`", cells[0])
            if "..." in cells[0]:
                stem, first, last = names[0][:-1], int(names[0][-1]), int(names[1][-1])
                names = [f"{stem}{n}" for n in range(first, last + 1)]
            found |= dict.fromkeys(names, better)
    return found


def test_every_logged_number_is_explained(tmp_path: Path) -> None:
    from textgan.runs import runner
    from textgan.runs.run_dir import RunDir

    settings = ["device=cpu", "batch_size=8", "data.sentences=100", "evaluate.samples=10", "estimator.rollouts=1"]
    rounds = [f"phases.{name}.rounds=1" for name in ("pretrain-g", "pretrain-d", "adversarial")]
    result = runner.start(recipe.load("seqgan", settings + rounds, controls=False), tmp_path / "run")
    logged = {name for entry in RunDir(tmp_path / "run").entries() for name in entry}
    page = described((ROOT / "docs/reading.md").read_text(encoding="utf-8"))
    assert logged - {"global_round", "phase", "round", "kind"} <= page.keys(), "these numbers are not explained"
    sources = "".join(
        file.read_text("utf-8") for folder in ("textgan", "plugins") for file in (ROOT / folder).rglob("*.py")
    )
    others = page.keys() - logged - {"nll_test_bound"}
    assert [name for name in others if f'"{name}"' not in sources] == [], (
        "these numbers are explained, but never logged"
    )
    assert {name: way for name, way in page.items() if way and name in logged} == result.better
