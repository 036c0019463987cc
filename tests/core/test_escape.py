from __future__ import annotations

import pytest

from textgan.core.escape import visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\nb\tc\r\0", r"a\nb\tc\r\x00"),
        ("\x7f\x9b2J", r"\x7f\x9b2J"),
        ("abc\u202edef", r"abc\u202edef"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("lone \ud800 surrogate", r"lone \ud800 surrogate"),
    ],
)
def test_what_a_terminal_would_interpret_is_escaped(text: str, expected: str) -> None:
    assert visible(text) == expected
    assert visible(text).isprintable()


@pytest.mark.parametrize(
    "text", ["", "plain text, with punctuation!", "Ünï¢ödé 漢字 🙂", r"a \x1b that is spelled out"]
)
def test_other_text_is_unchanged(text: str) -> None:
    assert visible(text) == text


def test_every_control_character_is_escaped() -> None:
    for code in (*range(0x20), *range(0x7F, 0xA0)):
        assert visible(chr(code)).isascii()
        assert visible(chr(code)) != chr(code)
