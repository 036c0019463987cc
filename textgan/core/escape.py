"""Escapes characters that a terminal would interpret. Text from a model or a file is not trusted."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: escape sequences
    "\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # direction and zero-width marks
    "\u2028\u2029\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"  # line separators, surrogates, tags
)


def visible(text: str) -> str:
    r"""Returns the text on one line, with every control, direction and zero-width character as an escape (`\x1b`)."""
    return _UNSAFE.sub(lambda match: _escape(match[0]), text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
