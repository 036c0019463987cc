"""Strict YAML: types, lines and repeated keys."""

import pytest

from textgan.recipe.parse import parse, scalar
from textgan.recipe.problems import RecipeError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("3e5", 3e5),
        ("1.0e-2", 0.01),
        (".5", 0.5),
        ("1_000", 1000),
        ("-7", -7),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("2026-01-31", "2026-01-31"),
        ("12:30:45", "12:30:45"),
        ("0x10", "0x10"),
        ("1.2.3", "1.2.3"),
        ("captions.txt", "captions.txt"),
        ("'12'", "12"),
        ("[1, 2e-1, no]", [1, 0.2, "no"]),
        (".inf", float("inf")),
    ],
)
def test_scalars_have_the_type_that_they_look_like(text: str, value: object) -> None:
    assert parse(f"key: {text}", "x.yaml")[0] == {"key": value}
    assert type(parse(f"key: {text}", "x.yaml")[0]["key"]) is type(value)


def test_every_value_has_its_line() -> None:
    _, locations = parse("a: 1\nb:\n  c: [x,\n      y]\n", "x.yaml")
    assert locations[("a",)].line == 1
    assert locations[("b",)].line == 2
    assert locations[("b", "c")].line == 3
    assert locations[("b", "c", 1)].line == 4


def test_a_repeated_key_is_rejected_with_both_lines() -> None:
    with pytest.raises(RecipeError, match=r"line 3 .*lr.*duplicate key, first in line 1; remove one of both"):
        parse("lr: 1\nb: 2\nlr: 3\n", "x.yaml")


def test_all_repeated_keys_are_reported() -> None:
    with pytest.raises(RecipeError, match="2 problems"):
        parse("a: 1\na: 2\nb: {c: 1, c: 2}\n", "x.yaml")


@pytest.mark.parametrize(
    "text", ["a: !!python/object:os.system x", "a: !mine x", "a: [1, 2", "a: b: c", "\tx: 1", "a: *x"]
)
def test_tags_and_malformed_yaml_are_rejected(text: str) -> None:
    with pytest.raises(RecipeError):
        parse(text, "x.yaml")


def test_aliases_are_rejected() -> None:
    with pytest.raises(RecipeError, match="extends"):
        parse("a: &x {b: 1}\nc: *x\n", "x.yaml")


def test_a_setting_that_is_not_yaml_is_text() -> None:
    assert scalar("a: b: c") == "a: b: c"
    assert scalar("1e-3") == 1e-3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !mine x", r'line 1 .*tags such as "!mine" are not allowed'),
        ("a: 1\nb: [1, 2", r"line 2 .*not YAML"),
        ("a: " + "9" * 5000, "cannot be read"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse(text, "x.yaml")


def test_an_empty_document_is_null() -> None:
    assert parse("", "x.yaml") == (None, {})
    assert parse("# only a comment\n", "x.yaml")[0] is None
