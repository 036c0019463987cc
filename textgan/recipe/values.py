"""Checks a value against the type of its option."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

_WORDS = {
    "valid integer": "a whole number",
    "valid number": "a number",
    "valid string": "text",
    "valid boolean": "true or false",
    "valid list": "a list",
    "valid tuple": "a list",
    "instance of Sequence": "a list",
    "valid dictionary": "a mapping",
    "instance of Mapping": "a mapping",
    "None": "null",
}


def problem(value: Any, kind: Any) -> str | None:
    """Describes what is wrong with a value: 'expected a number, found the text "fast"'; None if it is valid.

    Args:
        value: the value as parsed from YAML. It is not converted: `true` is not a whole number, and "12" is text.
        kind: the type, with bounds as `annotated_types`.
    """
    if kind is Any:
        return None
    try:
        _adapter(kind).validate_python(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        found = [e for e in found if e["input"] is not value] or found  # of a union's errors, those inside a container
        bounds = [e for e in found if " than " in e["msg"]]  # and those of the members whose type fits
        expected = dict.fromkeys(_expectation(e["msg"]) for e in bounds or found)
        return f"expected {' or '.join(expected)}, found {_shown(found[0]['input'])}"
    return None


@lru_cache(maxsize=512)
def _cached(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind, config=ConfigDict(strict=True))


def _adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return _cached(kind)
    except TypeError:  # an unhashable annotation
        return TypeAdapter(kind, config=ConfigDict(strict=True))


def _expectation(message: str) -> str:
    text = message.removeprefix("Input should be ").removeprefix("a ").removeprefix("an ")
    for known, words in _WORDS.items():
        if text.startswith(known):
            return words
    text = text.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    return text.replace("greater than", "a number above").replace("less than", "a number below").replace("'", '"')


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)
