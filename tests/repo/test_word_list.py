"""scripts/words finds phrases of its list in prose, and only there."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "words"
words = SimpleNamespace(**runpy.run_path(str(SCRIPT)))


def found(name: str, text: str) -> list[tuple[int, str]]:
    return [(hit.line, hit.phrase) for hit in words.search(name, text)]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("A critic in the place of roll-outs.", "in the place of"),
        ("The device is not to be had here.", "is not to be had"),
        ("Training goes on with the next phase.", "goes on"),
        ("So many tokens follow.", "So many"),
        ("Whoever iterates it, saves.", "Whoever"),
        ("It measures what came of it.", "what came of"),
        ("A second process is told so.", "is told so"),
        ("That would bend the law.", "would bend the law"),
        ("The token behind the prefix.", "behind"),
        ("This is no error.", "is no"),
        ("A row stands above it.", "stands"),
        ("It reads /work/main/data.", "/work/main"),
    ],
)
def test_phrases_are_found(text: str, phrase: str) -> None:
    assert phrase in [shown for _, shown in found("docs/index.md", text)]


@pytest.mark.parametrize(
    "text",
    [
        "There is no error, and it is no longer slow.",
        "B stands for the batch size; the table is standalone.",
        "The discriminator falls behind.",
        "Prepaid flaws, and a network of judgeless rows.",
        "```text\nthey dance behind the river .\n```",
    ],
)
def test_common_english_is_left_alone(text: str) -> None:
    assert found("docs/index.md", text) == []


def test_a_phrase_may_be_wrapped_but_not_cross_a_paragraph() -> None:
    assert found("docs/index.md", "One\nin the\nplace of two") == [(2, "in the place of")]
    assert found("docs/index.md", "in the\n\nplace of") == []


def test_the_mark_excludes_a_line() -> None:
    assert found("docs/index.md", "after, not behind <!-- words: ok -->\nbehind") == [(2, "behind")]


def test_only_comments_and_strings_of_python_are_prose() -> None:
    source = (
        '"""Nobody reads\nbehind."""\n'
        "behind = nobody  # in the\n"
        "# place of\n"
        'f("so", "many")\n'
        'error = ("no loss " "is to be had")\n'
        'shown = f"it goes on {count}"\n'
    )
    assert found("textgan/a.py", source) == [
        (1, "Nobody"),
        (2, "behind"),
        (3, "in the place of"),
        (6, "is to be had"),
        (7, "goes on"),
    ]


def test_only_comments_of_yaml_are_prose() -> None:
    assert found("recipes/a.yaml", "# in the\n# place of\nbehind: 1  # nobody\nnobody: {}\n") == [
        (1, "in the place of"),
        (3, "nobody"),
    ]


def test_a_verdict_is_a_statistical_conclusion() -> None:
    assert found("textgan/losses/bce.py", '"""The verdict."""') == [(1, "verdict")]
    for name in ("textgan/compare/plan.py", "docs/lab.md", "docs/results/vae.md"):
        assert found(name, '"""The verdict."""') == []


def test_the_exit_code_tells_whether_there_are_phrases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.md", tmp_path / "bad.md"
    good.write_text("Plain.\n", encoding="utf-8")
    bad.write_text("Plain.\nNobody.\n", encoding="utf-8")
    assert words.main([str(good)]) == 0
    assert capsys.readouterr().out == ""
    assert words.main([str(good), str(bad)]) == 1
    assert capsys.readouterr().out == f"{bad.as_posix()}:2: Nobody -> name the actor, or use the imperative\n"


def test_what_is_searched(tmp_path: Path) -> None:
    wanted = ("README.md", "docs/methods/vae.md", "recipes/fast/a.yaml", "textgan/nn/a.py", "plugins/a/b.py")
    for name in (*wanted, "docs/reference/index.md", "docs/a.png", "tests/test_a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(words.prose(tmp_path)) == sorted(tmp_path / name for name in wanted)
